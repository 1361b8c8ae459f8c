import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** What lists are made of, in the UI and the command. Nine keywords and a list: a SQL visibility store has ten keywords. */
export const searchAttributes = {
  vmState: defineSearchAttributeKey('VmState', SearchAttributeType.KEYWORD),
  taskState: defineSearchAttributeKey('TaskState', SearchAttributeType.KEYWORD),
  powerState: defineSearchAttributeKey('PowerState', SearchAttributeType.KEYWORD),
  computeHost: defineSearchAttributeKey('ComputeHost', SearchAttributeType.KEYWORD),
  projectId: defineSearchAttributeKey('ProjectId', SearchAttributeType.KEYWORD),
  instanceId: defineSearchAttributeKey('InstanceId', SearchAttributeType.KEYWORD),
  objectName: defineSearchAttributeKey('ObjectName', SearchAttributeType.KEYWORD),
  objectState: defineSearchAttributeKey('ObjectState', SearchAttributeType.KEYWORD),
  attention: defineSearchAttributeKey('Attention', SearchAttributeType.KEYWORD),
  tags: defineSearchAttributeKey('Tags', SearchAttributeType.KEYWORD_LIST),
} as const;

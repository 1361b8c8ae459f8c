import { expect, test } from 'vitest';
import type { Filter, Rows } from '../../src/cli/cloud.ts';
import { operationNames } from '../../src/cli/operations.ts';
import { listQuery } from '../../src/cli/temporal/lists.ts';
import { requests } from '../../src/schema/request.ts';

test.for<readonly [keyof Rows, Filter, string]>([
  ['instance', {}, "WorkflowType IN ('instance') AND ExecutionStatus = 'Running' AND VmState != 'deleted'"],
  ['instance', { isDeleted: true }, "WorkflowType IN ('instance') AND ExecutionStatus IN ('Running', 'Completed') AND VmState = 'deleted'"],
  [
    'instance',
    { projectId: 'engine' },
    "WorkflowType IN ('instance') AND ExecutionStatus = 'Running' AND VmState != 'deleted' AND ProjectId = 'engine'",
  ],
  [
    'instance',
    { name: "it's", host: 'cn1', vmState: 'active' },
    "WorkflowType IN ('instance') AND ExecutionStatus = 'Running' AND VmState != 'deleted' AND ObjectName = 'it\\'s' AND ComputeHost = 'cn1' AND VmState = 'active'",
  ],
  ['image', { objectState: 'killed' }, "WorkflowType IN ('image') AND ExecutionStatus = 'Running' AND ObjectState = 'killed'"],
  ['network', { name: 'a\\b' }, "WorkflowType IN ('network') AND ExecutionStatus = 'Running' AND ObjectName = 'a\\\\b'"],
])('the list of %ss with %j asks for exactly those', ([kind, filter, query]) => {
  expect(listQuery(kind, filter)).toBe(query);
});

const anyOperation = `WorkflowType IN (${operationNames.map((name) => `'${name}'`).join(', ')})`;

test.for<readonly [Filter, string]>([
  [{}, ''],
  [{ limit: 5 }, ''],
  [{ isRunning: true }, " AND ExecutionStatus = 'Running'"],
  [{ isParked: true }, " AND ExecutionStatus = 'Running' AND Attention IS NOT NULL"],
  [{ instanceId: 'i1' }, " AND InstanceId = 'i1'"],
  [{ projectId: 'engine' }, " AND ProjectId = 'engine'"],
])('the list of operations with %j asks for exactly those', ([filter, query]) => {
  expect(listQuery('operation', filter)).toBe(anyOperation + query);
});

test('the list of operations knows every operation of the contract', () => {
  expect(operationNames.toSorted()).toEqual(Object.keys(requests).toSorted());
});

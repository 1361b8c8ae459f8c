import type { ImageStatus } from '../../model/image.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import type { OpenRun } from '../../model/verify/holders.ts';
import { client } from '../record-client.ts';

/** All images and what they are. */
export async function imageStatuses(): Promise<ReadonlyMap<string, ImageStatus>> {
  const statuses = new Map<string, ImageStatus>();
  const query = "WorkflowType = 'image' AND ExecutionStatus = 'Running' AND ObjectState IS NOT NULL";
  for await (const { workflowId, typedSearchAttributes } of client().workflow.list({ query, pageSize: 1000 })) {
    // Written by the image's record, and by nobody else.
    statuses.set(workflowId.slice('image/'.length), typedSearchAttributes.get(attribute.objectState) as ImageStatus);
  }
  return statuses;
}

/** The images that open runs bring to hosts. */
export async function imagesBeingCached(): Promise<readonly string[]> {
  return (await openRunsWith("WorkflowType = 'cacheImage'", attribute.objectName)).map(({ id }) => id);
}

/** The open runs of operations that have taken a record: they carry its id. */
export async function openRuns(): Promise<readonly OpenRun[]> {
  const [onInstances, onImages] = await Promise.all([
    openRunsWith("WorkflowType != 'instance'", attribute.instanceId),
    openRunsWith("WorkflowType = 'importImage'", attribute.objectName),
  ]);
  return [
    ...onInstances.map(({ id, ...run }) => ({ ...run, instanceId: id, imageId: null })),
    ...onImages.map(({ id, ...run }) => ({ ...run, instanceId: null, imageId: id })),
  ];
}

async function openRunsWith(
  type: string,
  key: typeof attribute.instanceId,
): Promise<readonly (Pick<OpenRun, 'workflowId' | 'runId' | 'type'> & { readonly id: string })[]> {
  const query = `${type} AND ExecutionStatus = 'Running' AND ${key.name} IS NOT NULL`;
  const found = [];
  for await (const { workflowId, runId, type, typedSearchAttributes } of client().workflow.list({ query, pageSize: 1000 })) {
    found.push({ workflowId, runId, type, id: typedSearchAttributes.get(key) ?? '' });
  }
  return found;
}

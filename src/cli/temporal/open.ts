import type { Client } from '@temporalio/client';
import type { RequestContext } from '../../context.ts';
import { controlQueue } from '../../model/queues.ts';
import type { Cloud, Rows } from '../cloud.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { newOperationId } from '../operations.ts';
import { connected } from './connection.ts';
import { explanationOf } from './explanations.ts';
import { listed } from './lists.ts';
import { idOf, pastRecordOf, recordOf, type View } from './records.ts';
import { foundOperation, reportOf } from './reports.ts';
import { runOf } from './runs.ts';

/**
 * Connects to the Temporal server that the environment names, and asks everything of it that the command needs: as `identity`,
 * to whom the instances of other projects are not there unless it is an administrator's.
 */
export async function openCloud(identity: RequestContext | null): Promise<Cloud> {
  const client = await connected(identity);
  const view: View = { projectId: identity === null || identity.isAdmin ? undefined : identity.projectId };
  return {
    list: (kind, filter) => listed(client, kind, hasProject(kind) && view.projectId !== undefined ? { ...filter, ...view } : filter),
    idOf: (kind, idOrName) => idOf(client, view, kind, idOrName),
    record: (kind, idOrName) => recordOf(client, view, kind, idOrName),
    pastRecord: (idOrName) => pastRecordOf(client, view, idOrName),
    start: async (name, subject, request) => {
      const workflowId = newOperationId(name, subject);
      return runOf(client, await client.workflow.start(name, { workflowId, taskQueue: controlQueue, args: [request] }), name);
    },
    run: async (idOrName) => {
      const { handle, description } = await foundOperation(client, view, idOrName);
      return runOf(client, handle, description.type);
    },
    report: async (idOrName) => reportOf(client, await foundOperation(client, view, idOrName)),
    explain: async (idOrName) => explanationOf(client, await foundOperation(client, view, idOrName)),
    decide: (idOrName, verdict, decision) => decided(client, view, idOrName, verdict, decision),
    close: () => client.connection.close(),
  };
}

async function decided(client: Client, view: View, idOrName: string, verdict: string, decision: object): Promise<string> {
  const { handle, description } = await foundOperation(client, view, idOrName);
  const { workflowId, closeTime } = description;
  if (closeTime !== undefined) throw new CommandError(exitCodes.refused, `${workflowId} has ended: there is nothing to decide`);
  await handle.executeUpdate(verdict, { args: [decision] });
  return workflowId;
}

function hasProject(kind: keyof Rows): boolean {
  return kind === 'instance' || kind === 'operation';
}

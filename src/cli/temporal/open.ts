import type { Client } from '@temporalio/client';
import { controlQueue } from '../../model/queues.ts';
import type { Cloud } from '../cloud.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { newOperationId } from '../operations.ts';
import { connected } from './connection.ts';
import { listed } from './lists.ts';
import { idOf, recordOf } from './records.ts';
import { foundOperation, reportOf } from './reports.ts';
import { runOf } from './runs.ts';

/** Connects to the Temporal server that the environment names, and asks everything of it that the command needs. */
export async function openCloud(): Promise<Cloud> {
  const client = await connected();
  return {
    list: (kind, filter) => listed(client, kind, filter),
    idOf: (kind, idOrName) => idOf(client, kind, idOrName),
    record: (kind, idOrName) => recordOf(client, kind, idOrName),
    start: async (name, subject, request) => {
      const workflowId = newOperationId(name, subject);
      return runOf(client, await client.workflow.start(name, { workflowId, taskQueue: controlQueue, args: [request] }), name);
    },
    run: async (idOrName) => {
      const { handle, description } = await foundOperation(client, idOrName);
      return runOf(client, handle, description.type);
    },
    report: async (idOrName) => reportOf(client, await foundOperation(client, idOrName)),
    decide: (idOrName, verdict, decision) => decided(client, idOrName, verdict, decision),
    close: () => client.connection.close(),
  };
}

async function decided(client: Client, idOrName: string, verdict: string, decision: object): Promise<string> {
  const { handle, description } = await foundOperation(client, idOrName);
  const { workflowId, closeTime } = description;
  if (closeTime !== undefined) throw new CommandError(exitCodes.refused, `${workflowId} has ended: there is nothing to decide`);
  await handle.executeUpdate(verdict, { args: [decision] });
  return workflowId;
}

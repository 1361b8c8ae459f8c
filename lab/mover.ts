import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Move, move } from './move.workflow.ts';

const taskQueue = 'moves';

/** A move of an instance's files that is under way. */
export type Moving = WorkflowHandle<typeof move>;

/** Moves files between hosts by the steps and the frame of operations, where there is no instance and no record. */
export interface Mover extends AsyncDisposable {
  readonly start: (wanted: Move) => Promise<Moving>;
}

/** Starts what moves, on the Temporal server at `address`. */
export async function startMover(client: Client, address: string): Promise<Mover> {
  const connection = await NativeConnection.connect({ address });
  const { namespace } = client.options;
  const workflowsPath = join(import.meta.dirname, 'move.workflow.ts');
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowsPath });
  const running = worker.run();
  return {
    start: (wanted) => client.workflow.start<typeof move>('move', { taskQueue, workflowId: `move/${wanted.instanceId}`, args: [wanted] }),
    [Symbol.asyncDispose]: async () => {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

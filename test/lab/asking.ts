import { randomUUID } from 'node:crypto';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { LabHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OwnCloud } from './cloud-fixture.ts';

/** What tests ask of their cloud. */
export interface Asking {
  readonly start: (type: string, input: object) => Promise<WorkflowHandleWithFirstExecutionRunId>;
  readonly run: <Result>(type: string, input: object) => Promise<Result>;
  readonly record: <Record>(workflowId: string) => Promise<Record>;
  readonly hostNamed: (name: string) => LabHost;
  /** The end of the console of a guest, once it has said this. */
  readonly whenSaid: (instanceId: string, what: string | RegExp) => Promise<string>;
}

/** Asks the cloud that there is by then: a test file brings it up after it was loaded. */
export function asking(own: () => OwnCloud): Asking {
  const start: Asking['start'] = (type, input) =>
    own().client.workflow.start(type, { taskQueue: controlQueue, workflowId: `${type}-${randomUUID()}`, args: [input] });
  const run: Asking['run'] = async <Result>(type: string, input: object) => (await start(type, input)).result() as Promise<Result>;
  return {
    start,
    run,
    record: (workflowId) => own().client.workflow.getHandle(workflowId).query('record'),
    hostNamed: (name) => {
      const host = own().cloud.lab.hosts.find((one) => one.name === name);
      if (host === undefined) throw new Error(`there is no host ${name}`);
      return host;
    },
    whenSaid: (instanceId, what) => {
      const look = async () => {
        const { output } = await run<{ output: string }>('getConsoleOutput', { instanceId, maxBytes: 256 * 1024 });
        return (typeof what === 'string' ? output.includes(what) : what.test(output)) ? output : null;
      };
      return until(look, { what: `${what} of ${instanceId}`, timeoutMs: 110_000, intervalMs: 200 });
    },
  };
}

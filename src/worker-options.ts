import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { stepInterceptor } from './activities/interceptor.ts';
import { dataConverter } from './client.ts';
import type { Config } from './config.ts';

export interface WorkerSurroundings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Aborted when the process was told to stop: what waits without end gives way. */
  readonly stopping: AbortSignal;
}

/** What all workers have in common. `heartbeats`: its steps tell each second that they live, as steps on a host do. */
export function commonOptions(
  { drainSeconds, faults }: Pick<Config, 'drainSeconds' | 'faults'>,
  { connection, namespace }: WorkerSurroundings,
  { heartbeats }: { heartbeats: boolean },
): Omit<WorkerOptions, 'taskQueue'> {
  return {
    connection,
    namespace,
    dataConverter,
    // Told to stop, its steps may end; then they are cancelled, and their commands ended; then nobody waits any longer.
    shutdownGraceTime: drainSeconds * 1000,
    shutdownForceTime: (drainSeconds + 10) * 1000,
    maxHeartbeatThrottleInterval: '1s',
    interceptors: { activity: [() => ({ inbound: stepInterceptor({ heartbeats, faults }) })] },
  };
}

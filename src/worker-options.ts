import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { stepInterceptors } from './activities/interceptor.ts';
import { policyOf } from './activities/told.ts';
import { dataConverterWith } from './client.ts';
import { readKeyRing } from './codec/key-ring.ts';
import type { Config } from './config.ts';

export interface WorkerSurroundings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Aborted when the process was told to stop: what waits without end gives way. */
  readonly stopping: AbortSignal;
}

/** What all workers have in common. `heartbeats`: its steps tell each second that they live, as steps on a host do. Raises a `CodecError` for an unfit key file. */
export function commonOptions(
  config: Pick<Config, 'codec' | 'drainSeconds' | 'faults' | 'notifications'>,
  { connection, namespace }: WorkerSurroundings,
  { heartbeats }: { heartbeats: boolean },
): Omit<WorkerOptions, 'taskQueue'> & Required<Pick<WorkerOptions, 'dataConverter'>> {
  const { codec, drainSeconds, faults } = config;
  const keys = readKeyRing(codec.keyFile);
  const notify = policyOf(config);
  return {
    connection,
    namespace,
    dataConverter: dataConverterWith(async () => keys),
    // Told to stop, its steps may end; then they are cancelled, and their commands ended; then nobody waits any longer.
    shutdownGraceTime: drainSeconds * 1000,
    shutdownForceTime: (drainSeconds + 10) * 1000,
    maxHeartbeatThrottleInterval: '1s',
    interceptors: { activity: [() => stepInterceptors({ heartbeats, faults, notify })] },
  };
}

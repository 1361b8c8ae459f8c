import { type NativeConnection, Worker } from '@temporalio/worker';
import { controlActivities } from './activities/control.ts';
import { stepInterceptor } from './activities/interceptor.ts';
import { watchActivities } from './activities/watch.ts';
import { dataConverter } from './client.ts';
import type { Config } from './config.ts';
import { controlQueue, watchQueue } from './model/queues.ts';
import { workflowBundle } from './workflow-bundle.ts';

export interface WorkerSurroundings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Aborted when the process was told to stop: what waits without end gives way. */
  readonly stopping: AbortSignal;
}

/** The workers of a control process: workflows with the activities that touch no host, and the watching of operations. Any number may run, anywhere. */
export async function controlWorkers(config: Config, { connection, namespace, stopping }: WorkerSurroundings): Promise<readonly Worker[]> {
  const interceptors = { activity: [() => ({ inbound: stepInterceptor({ heartbeats: false, faults: config.faults }) })] };
  const common = {
    connection,
    namespace,
    dataConverter,
    shutdownGraceTime: config.drainSeconds * 1000,
    maxHeartbeatThrottleInterval: '1s',
  } as const;
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: controlQueue,
      workflowBundle: { codePath: await workflowBundle() },
      activities: controlActivities(config),
      interceptors,
      maxCachedWorkflows: config.slots.watch,
      maxConcurrentActivityTaskExecutions: 200,
    }),
    Worker.create({
      ...common,
      taskQueue: watchQueue,
      activities: watchActivities(stopping),
      maxConcurrentActivityTaskExecutions: config.slots.watch,
    }),
  ]);
}

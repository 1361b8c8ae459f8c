import { Worker } from '@temporalio/worker';
import { controlActivities } from './activities/control.ts';
import { notifyActivities } from './activities/notifications.ts';
import { watchActivities } from './activities/watch.ts';
import type { Config } from './config.ts';
import { controlQueue, notifyQueue, watchQueue } from './model/queues.ts';
import { commonOptions, type WorkerSurroundings } from './worker-options.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** How many control activities run at a time: each waits for a record, and none does work. */
const controlSlots = 200;

/** How many receivers of notifications are waited for at a time. */
const notifySlots = 200;

/** The workers of a control process: workflows with the activities that touch no host, the watching of operations, and the sending of notifications. Any number may run, anywhere. */
export async function controlWorkers(config: Config, surroundings: WorkerSurroundings): Promise<readonly Worker[]> {
  const common = commonOptions(config, surroundings, { heartbeats: false });
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: controlQueue,
      workflowBundle: { codePath: await workflowBundle() },
      activities: controlActivities(config),
      maxCachedWorkflows: config.slots.watch,
      maxConcurrentActivityTaskExecutions: controlSlots,
    }),
    Worker.create({
      ...common,
      taskQueue: watchQueue,
      activities: watchActivities(surroundings.stopping),
      maxConcurrentActivityTaskExecutions: config.slots.watch,
    }),
    Worker.create({
      ...common,
      taskQueue: notifyQueue,
      activities: { ...notifyActivities(config, surroundings.stopping) },
      maxConcurrentActivityTaskExecutions: notifySlots,
    }),
  ]);
}

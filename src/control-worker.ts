import { Worker } from '@temporalio/worker';
import { controlActivities } from './activities/control.ts';
import { watchActivities } from './activities/watch.ts';
import type { Config } from './config.ts';
import { controlQueue, watchQueue } from './model/queues.ts';
import { commonOptions, type WorkerSurroundings } from './worker-options.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** How many control activities run at a time: each waits for a record, and none does work. */
const controlSlots = 200;

/** The workers of a control process: workflows with the activities that touch no host, and the watching of operations. Any number may run, anywhere. */
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
  ]);
}

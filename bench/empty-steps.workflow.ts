import { proxyActivities } from '@temporalio/workflow';

const { step } = proxyActivities<{ step(): Promise<void> }>({ startToCloseTimeout: '10s' });

/** Runs five activities that do nothing, one after another: what is left is the cost of the steps themselves. */
export async function fiveEmptySteps(): Promise<void> {
  for (let done = 0; done < 5; done++) await step();
}

import { defineUpdate, proxyActivities, setHandler, sleep } from '@temporalio/workflow';
import { continueWith, recordLife } from '../../src/workflows/records/life.ts';

/** The records of an imagined release whose handlers all begin with a timer, which those of no real release do. */

const { attend } = proxyActivities<{ attend(): Promise<void> }>({ startToCloseTimeout: '3650 days' });

async function changedRecord(...updates: readonly string[]): Promise<never> {
  const life = recordLife();
  for (const name of updates) {
    setHandler(defineUpdate(name), async () => {
      life.touch();
      await sleep('1 second');
    });
  }
  await life.end({ closed: () => false, held: () => false });
  return continueWith<() => Promise<void>>();
}

export const instance = () => changedRecord('begin', 'enter', 'finish', 'alter');
export const image = instance;
export const network = () => changedRecord('create', 'allocate', 'release');

export async function host(): Promise<void> {
  void attend();
  await changedRecord('report', 'claim', 'release', 'enable');
}

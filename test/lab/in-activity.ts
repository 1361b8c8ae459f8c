import { defaultActivityInfo, MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { Site } from '../../src/activities/disks/backend.ts';

/** Runs `work` as an activity would. */
export function inActivity<T>(work: () => Promise<T>): Promise<T> {
  return new MockActivityEnvironment(defaultActivityInfo, { logger: new DefaultLogger('ERROR') }).run(work);
}

/** An instance's directory as backends are given it; a warning fails the test. */
export function siteIn(directory: string, instanceId: string): Site {
  const warn = (message: string) => {
    throw new Error(message);
  };
  return { instanceId, directory, growFileSystem: 'auto', warn };
}

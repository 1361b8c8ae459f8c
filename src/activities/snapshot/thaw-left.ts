import { join } from 'node:path';
import type { Logger } from '@temporalio/worker';
import type { Config } from '../../config.ts';
import type { Libvirt } from '../../libvirt/index.ts';
import { liveCopyPaths } from '../../model/live-copy.ts';
import { snapshotsDirectory } from '../../model/snapshot.ts';
import { uuid } from '../../schema/patterns.ts';
import { readGeneration } from '../generation.ts';
import type { WhileHolding } from '../holding.ts';
import { isThere } from '../is-there.ts';
import { namesIn } from '../names-in.ts';
import { thawIfFrozen } from './quiesce.ts';

/**
 * Thaws the guests that a worker of this host left frozen when it was killed. It is done before any work is taken: of a snapshot that was
 * terminated meanwhile nobody comes again, and nothing is frozen for longer than a worker is away.
 */
export function thawLeft(
  { instancesDir }: Pick<Config, 'instancesDir'>,
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  log: Logger,
): () => Promise<void> {
  return async () => {
    for (const instanceId of (await namesIn(instancesDir)).filter((name) => uuid.test(name))) {
      for (const imageId of await namesIn(join(instancesDir, instanceId, snapshotsDirectory))) await thaw(instanceId, imageId);
    }
  };

  async function thaw(instanceId: string, imageId: string): Promise<void> {
    const directory = join(instancesDir, instanceId);
    const { frozen } = liveCopyPaths(directory, imageId);
    const token = await readGeneration(directory);
    if (token === null || !(await isThere(frozen))) return;
    await whileHolding(instanceId, token, () => thawIfFrozen(libvirt, instanceId, frozen)); // for whoever acted here last
    log.warn('a guest was thawed that a worker had left frozen', { instanceId, imageId });
  }
}

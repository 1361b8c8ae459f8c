import { readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import type { FileSystem, Measured } from '../model/audit.ts';
import { uuid } from '../schema/patterns.ts';
import { allocatedBytes } from './allocated.ts';
import type { Capabilities } from './capabilities.ts';
import { concurrently } from './concurrently.ts';
import { errnoOf } from './failures.ts';
import type { AskGuestCpus } from './guest-cpus.ts';
import { inventoryOf } from './inventory.ts';

export interface MeasureActivities {
  /** Measures what this host has and what instances take of its disks, from outside: no disk is opened. Changes nothing. */
  measureHost(): Promise<Measured>;
}

const directoriesAtOnce = 32;

/** The host's side of an audit. */
export function measureActivities(
  libvirt: Libvirt,
  capabilities: Capabilities,
  askGuestCpus: AskGuestCpus,
  config: Config,
): MeasureActivities {
  const { instancesDir, imageStore } = config;
  return {
    measureHost: async () => {
      const [{ vcpus, memoryMiB, diskGiB }, fileSystems, files] = await Promise.all([
        inventoryOf(libvirt, capabilities, askGuestCpus, config),
        Promise.all([instancesDir, imageStore.directory].map(fileSystemOf)),
        filesIn(instancesDir),
      ]);
      return { inventory: { vcpus, memoryMiB, diskGiB }, fileSystems: fileSystems.flat(), files };
    },
  };
}

/** None where there is no such directory: no image was ever imported. */
async function fileSystemOf(directory: string): Promise<readonly FileSystem[]> {
  try {
    const { blocks, bavail, bsize } = await statfs(directory);
    return [{ directory, sizeBytes: blocks * bsize, freeBytes: bavail * bsize }];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function filesIn(instancesDir: string): Promise<Measured['files']> {
  const ids = (await readdir(instancesDir)).filter((name) => uuid.test(name));
  const files = await concurrently(ids, directoriesAtOnce, async (instanceId) => {
    const names = await readdir(join(instancesDir, instanceId)).catch(() => []); // deleted meanwhile
    return Promise.all(
      names.map(async (name) => ({
        instanceId,
        name,
        allocatedBytes: await allocatedBytes(join(instancesDir, instanceId, name)).catch(() => 0),
      })),
    );
  });
  return files.flat();
}

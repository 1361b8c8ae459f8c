import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import { baseDirectory, removalLock } from '../model/base-name.ts';
import { basesOfDomains, basesOfFiles, basesOfRecords } from './base-ageing/uses.ts';
import { errnoOf } from './failures.ts';
import { withLockIfFree } from './lock.ts';

/** Where it is asked which bases are used. */
export type BaseUses = () => Promise<ReadonlySet<string>>;

/** What lies beside a base: its note, what fetches that died left half made, and the overlays that disks with a grown file system are copied from. */
const halves = ['.checksum', '.part', '.converted', '.grown'] as const;

type AgeingConfig = Pick<Config, 'instancesDir' | 'imageCache'>;

/** The bases that this host's records, domains and files use together. Fails when one of them cannot be read: then nothing is removed. */
export function usesOfHost({ host, instancesDir }: Pick<Config, 'host' | 'instancesDir'>, libvirt: Libvirt, by: Client): BaseUses {
  return async () => {
    const uses = await Promise.all([basesOfRecords(by, host.name), basesOfDomains(libvirt), basesOfFiles(instancesDir)]);
    return new Set(uses.flatMap((names) => [...names]));
  };
}

/**
 * A pass over the images of this host (Nova's image cache manager): a base that is used gets a new age, one that nothing has used for
 * `imageCache.keepHours` is removed with what belongs to it. Returns the names of those removed. Passes may run at the same time.
 */
export async function ageBases({ instancesDir, imageCache }: AgeingConfig, uses: BaseUses): Promise<readonly string[]> {
  const directory = join(instancesDir, baseDirectory);
  await mkdir(directory, { recursive: true });
  const removed: string[] = [];
  const used = await uses();
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (used.has(name)) await renew(path);
    else if ((await isDue(path)) && (await remove(path, name))) removed.push(name);
  }
  return removed;

  /**
   * Looks again while no step can be putting an overlay onto it: a build may have found it since, and its overlay names it. One that is
   * busy is left to the next pass.
   */
  async function remove(path: string, name: string): Promise<boolean> {
    const isOut = await withLockIfFree(`${path}.lock`, async () => {
      const isAside = await withLockIfFree(join(directory, removalLock), async () => {
        if ((await partsOf(path)).length === 0 || !(await isDue(path)) || (await basesOfFiles(instancesDir)).has(name)) return false;
        // The base before its note: a base without one would have to be compared before it is used again.
        await unlessAbsent(rename(path, `${path}.aged`));
        for (const suffix of halves) await rm(`${path}${suffix}`, { recursive: true, force: true });
        return true;
      });
      if (isAside) await rm(`${path}.aged`, { force: true }); // beside the lock that builds wait for: a large file takes its time
      if ((await partsOf(path)).length === 0) await rm(`${path}.lock`, { force: true });
      return isAside;
    });
    return isOut === true;
  }

  async function isDue(path: string): Promise<boolean> {
    return Date.now() - Math.max(0, ...(await partsOf(path))) >= imageCache.keepHours * 3_600_000;
  }
}

/** When what is there of a base changed: itself, what lies beside it, what is left of its removal. */
async function partsOf(path: string): Promise<readonly number[]> {
  const parts = ['', ...halves, '.aged'].map((suffix) => stat(`${path}${suffix}`).catch(() => null));
  return (await Promise.all(parts)).flatMap((part) => part?.mtimeMs ?? []);
}

/** The names of all bases of which anything is there. What is not named as a base is somebody else's. */
async function namesIn(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).flatMap((file) => /^([0-9a-f]{40})(\.|$)/.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort();
}

async function renew(path: string): Promise<void> {
  const now = new Date();
  await unlessAbsent(utimes(path, now, now));
}

async function unlessAbsent(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

import { join } from 'node:path';
import { baseDirectory } from '../../model/base-name.ts';
import type { HostListing, ListedInstances } from '../../model/verify/listing.ts';
import { uuid } from '../../schema/patterns.ts';
import { concurrently } from '../concurrently.ts';
import { deviceClaimFile } from '../disks/isolate/claims.ts';
import { namesIn } from '../names-in.ts';
import { asideOf } from '../resize/aside.ts';
import { transfersDirectory } from '../transfer/places.ts';

/** As a compute worker names the lock that makes it the only one of its host. */
const workerLock = /^\.worker-(.+)\.lock$/;
/** As a migration names what it puts aside of an instance. */
const asideName = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_resize$/;
const directoriesAtOnce = 32;

/** What lies in the instances directory. One that vanishes meanwhile is empty. */
export async function listInstances(directory: string): Promise<ListedInstances> {
  const names = await namesIn(directory);
  const perInstance = await concurrently(
    names.filter((name) => uuid.test(name)),
    directoriesAtOnce,
    async (instanceId) => ({ instanceId, files: await namesIn(join(directory, instanceId)) }),
  );
  const asides = await concurrently(
    names.flatMap((name) => asideName.exec(name)?.[1] ?? []),
    directoriesAtOnce,
    async (instanceId) => ({ instanceId, files: await namesIn(asideOf(join(directory, instanceId))) }),
  );
  const isKnown = (name: string) =>
    [uuid, workerLock, deviceClaimFile, asideName].some((pattern) => pattern.test(name)) || name === baseDirectory;
  return {
    directory,
    asides,
    sharers: sharersAmong(names),
    perInstance,
    bases: await namesIn(join(directory, baseDirectory)),
    others: names.filter((name) => !isKnown(name)),
  };
}

/** The hosts whose workers work in an instances directory, of which these are the names. */
export function sharersAmong(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => workerLock.exec(name)?.[1] ?? []);
}

/** What lies in the image store; nothing when no image was ever imported. */
export async function listStore(directory: string): Promise<HostListing['store']> {
  return { directory, files: await namesIn(directory) };
}

/** What goes on between this host and others, by instance. */
export async function listTransfers(runDir: string): Promise<NonNullable<HostListing['transfers']>> {
  const directory = transfersDirectory(runDir);
  const ids = await namesIn(directory);
  return Promise.all(ids.map(async (instanceId) => ({ instanceId, files: await namesIn(join(directory, instanceId)) })));
}

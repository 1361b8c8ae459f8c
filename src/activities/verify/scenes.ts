import type { Host } from '../../model/host.ts';
import type { Image } from '../../model/image.ts';
import type { Instance } from '../../model/instance.ts';
import type { Network } from '../../model/network.ts';
import type { FleetScene } from '../../model/verify/compare.ts';
import type { HostListing } from '../../model/verify/listing.ts';
import type { HostScene, SeenInstance } from '../../model/verify/scene.ts';
import { concurrently } from '../concurrently.ts';
import { namesOf } from '../listing.ts';
import { queryRecord, type RecordKind } from '../record-client.ts';
import { isRunOpen } from '../run-open.ts';
import { imageStatuses, imagesBeingCached, openRuns } from './runs.ts';

/** Queries are workflow tasks: so many at the same time leave the workers room for the work of operations. */
const queriesAtOnce = 16;

/** The records that account for a host, read now. */
export async function hostScene(host: string, since: string, listing: HostListing | null): Promise<Omit<HostScene, 'listing'>> {
  const [record, placed, imageStatus, cachedNow, networkNames] = await Promise.all([
    queryRecord<Host>('host', host),
    namesOf('instance', `ComputeHost = '${host}'`),
    imageStatuses(),
    imagesBeingCached(),
    namesOf('network', 'ObjectName IS NOT NULL'),
  ]);
  const claimants = (record?.claims ?? []).map(({ instanceId }) => instanceId);
  const instances = await seen([...placed, ...claimants, ...(listing === null ? [] : namedIn(listing))]);
  const imageIds = [...instances.values()].flatMap(({ instance: { image } }) => image ?? []);
  const [images, networks] = await Promise.all([
    recordsOf<Image>('image', [...imageIds, ...cachedNow]),
    recordsOf<Network>('network', networkNames),
  ]);
  const caching = new Set(cachedNow.flatMap((id) => [id, images.get(id)?.kernelId, images.get(id)?.ramdiskId].flatMap((one) => one ?? [])));
  return { host, since, record, instances, imageStatus, images, caching, networks };
}

/** The records that are of no host, read now. */
export async function fleetScene(since: string): Promise<FleetScene> {
  const [placed, unplaced, networkNames, hostNames, imageStatus, open] = await Promise.all([
    namesOf('instance', 'ComputeHost IS NOT NULL'),
    namesOf('instance', 'ComputeHost IS NULL'),
    namesOf('network', 'ObjectName IS NOT NULL'),
    namesOf('host', 'ObjectName IS NOT NULL'),
    imageStatuses(),
    openRuns(),
  ]);
  const networks = [...(await recordsOf<Network>('network', networkNames)).values()];
  const isPlaced = new Set(placed);
  const owners = networks.flatMap(({ ports }) => ports.map(({ owner }) => owner)).filter((owner) => !isPlaced.has(owner));
  const workedOn = open.flatMap(({ instanceId }) => instanceId ?? []);
  const instances = await seen([...unplaced, ...owners, ...workedOn]);
  const storing = [...imageStatus].filter(([, status]) => status === 'queued' || status === 'saving').map(([id]) => id);
  const hosts = [...(await recordsOf<Host>('host', hostNames)).values()];
  const owed = new Set(hosts.flatMap(({ debts }) => debts.map(({ instanceId }) => instanceId)));
  return { since, instances, placed: isPlaced, networks, owed, storing, open };
}

/** The instances that a host's listing names. A tombstone names nobody: there are as many as instances were ever here. */
function namedIn({ domains, guests, devices, instances }: HostListing): readonly string[] {
  return [
    ...domains.map(({ instanceId }) => instanceId),
    ...guests.map(({ instanceId }) => instanceId),
    ...devices.map(({ instanceId }) => instanceId),
    ...(instances.asides ?? []).map(({ instanceId }) => instanceId),
    ...instances.perInstance
      .filter(({ files }) => files.some((name) => name !== 'lock' && name !== 'generation'))
      .map(({ instanceId }) => instanceId),
  ];
}

async function seen(ids: readonly string[]): Promise<ReadonlyMap<string, SeenInstance>> {
  const records = [...(await recordsOf<Instance>('instance', ids)).values()];
  const all = await concurrently(records, queriesAtOnce, async (instance): Promise<SeenInstance> => {
    const holder = instance.operation ?? (instance.vmState === 'resized' ? instance.open : null);
    return { instance, isHolderOpen: holder === null || (await isRunOpen(holder)) };
  });
  return new Map(all.map((one) => [one.instance.id, one]));
}

async function recordsOf<Record>(kind: RecordKind, ids: readonly string[]): Promise<ReadonlyMap<string, Record>> {
  const wanted = [...new Set(ids)];
  const found = await concurrently(wanted, queriesAtOnce, async (id) => [id, await queryRecord<Record>(kind, id)] as const);
  return new Map(found.flatMap(([id, record]): [string, Record][] => (record === null ? [] : [[id, record]])));
}

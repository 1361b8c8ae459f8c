import { log } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import type { Libvirt } from '../../libvirt/index.ts';
import { type DeviceKind, deviceKindOf, type WantedDevice } from '../../model/device-claim.ts';
import { fileSystemFor } from '../../model/file-systems.ts';
import type { Flavor } from '../../model/flavor.ts';
import { withTargets } from '../../model/hardware/disk-places.ts';
import type { Disk, Instance, StorageRelation } from '../../model/instance.ts';
import { type DiskMove, diskMoves, whyNotOnItsHost } from '../../model/resize/moves.ts';
import type { Token } from '../../model/tenure.ts';
import { together } from '../../model/together.ts';
import type { Content } from '../../model/wanted-disks.ts';
import type { BootImages, ImageRef } from '../accept/images.ts';
import type { BaseCache } from '../base-cache.ts';
import type { Capabilities } from '../capabilities.ts';
import type { PlacedDisk, Site } from '../disks/backend.ts';
import { type DiskBackends, kindOfNew } from '../disks/backends.ts';
import { replacedDiskInfo } from '../disks/disk-info.ts';
import { format } from '../disks/format.ts';
import { noticingFullDisk } from '../disks/space.ts';
import { hardwareFor } from '../domain-spec.ts';
import { guestOf } from '../guest.ts';
import { leaveOnlyHoldingFiles, type WhileHolding } from '../holding.ts';
import { reception } from '../reception.ts';
import { type ArrivalSite, arrived, bringOtherFiles } from './arrival.ts';
import { asideOf, requireAside } from './aside.ts';
import { undefineKeepingFiles } from './undefine.ts';

/** What every step at a destination is told. */
interface Arriving {
  readonly token: Token;
  readonly instanceId: string;
  readonly migrationId: string;
  readonly storage: StorageRelation;
}

export interface DestinationActivities {
  /**
   * Why this host cannot take the instance, or how its disks would move here; `missing`: images that are to be fetched first, and then it is
   * to be asked again. Changes nothing. Repeatable.
   */
  planArrival(input: { token: Token; instance: Instance; flavor: Flavor; image: BootImages; storage: StorageRelation }): Promise<Plan>;
  /**
   * Leaves nothing of what arrived here, the guest off; on the same host and in a shared directory the files are the source's business. `kept`:
   * the disks that the instance had, whose devices are its own on the same host. Absent in runs of before 0.2. Repeatable.
   */
  removeArrival(input: Arriving & { kept?: readonly string[] }): Promise<{ readonly toWipe: readonly string[] }>;
}

export interface DestinationLongActivities {
  /**
   * Has all disks whole in the instance's directory: those that the source put aside and this host sees are copied, those that were sent here
   * grow, swap and new disks are made; what was written into a device is there. Raises `DiskSpaceLow`, `OperationFailed`. Progress in bytes. Repeatable.
   */
  placeDisks(input: Arriving & { instance: Instance; image: BootImages; moves: readonly DiskMove[] }): Promise<Placed>;
}

export interface Plan {
  readonly refusal: string | null;
  readonly moves: readonly DiskMove[];
  readonly missing: readonly ImageRef[];
  /** Files beside the disks that are to be sent; what the guest boots with is made here, from the images. */
  readonly small: readonly string[];
  /** The devices that disks are to be given here. Absent in runs of before they could be. */
  readonly devices?: readonly WantedDevice[];
}

export interface Placed {
  readonly disks: readonly Disk[];
  /** What an operator should know of disks that a guest can live with. */
  readonly warnings: readonly string[];
}

type DestinationConfig = Pick<Config, 'imagesType' | 'growFileSystem' | 'defaultEphemeralFormat' | 'useCowImages' | 'instancesDir'>;

/** What is sent as files, where there is such a file: UEFI variables and the config drive. */
const small = ['nvram', 'disk.config'];

export function destinationActivities(
  libvirt: Libvirt,
  capabilities: Capabilities,
  whileHolding: WhileHolding,
  bases: BaseCache,
  backends: DiskBackends,
  config: DestinationConfig,
): DestinationActivities & DestinationLongActivities {
  const { whyNotHere, whyInTheWay, basesHere } = reception(libvirt, capabilities, bases, config);

  return {
    planArrival: async ({ instance, flavor, image, storage }) => {
      const refused = (await whyNotHere(instance, flavor, image)) ?? (await whyInTheWay(instance.id, storage))?.why ?? null;
      if (refused !== null) return { refusal: refused, moves: [], missing: [], small };
      const { sameBases, missing } = storage === 'separate' ? await basesHere(instance, image) : { sameBases: [], missing: [] };
      const rootBecomesCow = config.useCowImages && config.imagesType === 'qcow2';
      const moves = diskMoves({ instance, flavor, storage, sameBases, rootBecomesCow });
      const arriving = moves.filter(({ from }) => storage !== 'sameHost' || from?.device === undefined); // the others are here
      const devices = devicesFor(arriving, image);
      const refusal = whyNotOnItsHost(moves, instance.disks, storage) ?? (await backends.arrivals.whyNot(instance.id, devices));
      return { refusal, moves, missing, small, devices };
    },

    placeDisks: ({ token, instanceId, migrationId, storage, instance, image, moves }) =>
      whileHolding(instanceId, token, (directory) =>
        bases.keeping(async () => {
          const isSeen = storage !== 'separate';
          if (isSeen) await requireAside(directory, migrationId);
          const warnings: string[] = [];
          const warn = (message: string) => {
            log.warn(message, { instance: instanceId });
            warnings.push(message);
          };
          const { growFileSystem } = config;
          const aside = isSeen ? asideOf(directory) : null;
          const site: ArrivalSite = { directory, aside, bases, growFileSystem, warn };
          const disks = await noticingFullDisk(directory, async () => {
            const [placed] = await together([placeAll(site, instanceId, moves, image), bringOtherFiles(site, image)]);
            return withTargets(placed, hardwareFor(instance, image));
          });
          await replacedDiskInfo(directory, disks);
          return { disks, warnings };
        }),
      ),

    removeArrival: ({ token, instanceId, storage, kept }) =>
      whileHolding(instanceId, token, async (directory) => {
        if (storage === 'sameHost') await guestOf(libvirt, instanceId).switchOff();
        else await undefineKeepingFiles(libvirt, instanceId);
        if (storage === 'sameHost') return { toWipe: kept === undefined ? [] : await backends.devices.release(instanceId, kept) };
        const toWipe = await backends.devices.release(instanceId); // hosts that share a directory have devices of their own
        if (storage === 'separate') await leaveOnlyHoldingFiles(directory);
        return { toWipe };
      }),
  };

  async function placeAll(site: ArrivalSite, instanceId: string, moves: readonly DiskMove[], image: BootImages) {
    const placed: PlacedDisk[] = [];
    for (const move of moves) placed.push(await place(site, instanceId, move, image));
    return placed;
  }

  async function place(site: ArrivalSite, instanceId: string, move: DiskMove, image: BootImages): Promise<PlacedDisk> {
    if (move.how === 'stays' || move.how === 'written') return move.to;
    if (move.how === 'made') return makeBlank({ ...site, instanceId }, move, image);
    await arrived(site, move);
    return move.to;
  }

  async function makeBlank(site: Site, { to: { name, sizeBytes } }: DiskMove, image: BootImages): Promise<PlacedDisk> {
    const content = contentOf(name, image);
    const kind = kindOfNew(content, config.imagesType);
    const backend = backends.blank[kind];
    if (backend === undefined) throw new TypeError(`this host keeps no disks of kind ${kind}: its configuration changed`);
    const placed = await backend.place(site, { name, sizeBytes, content });
    await backend.make(site, { ...placed, target: '' }, (path) => format(path, content), 'long');
    return placed;
  }

  /** Of the disks that come from another host, and of new ones that are kept so here. */
  function devicesFor(moves: readonly DiskMove[], image: BootImages): readonly WantedDevice[] {
    return moves.flatMap((move) => {
      const { name: disk, sizeBytes } = move.to;
      const kind = deviceKindFor(move, image);
      return kind === null ? [] : [{ disk, kind, sizeBytes, isExact: false }];
    });
  }

  function deviceKindFor({ how, to }: DiskMove, image: BootImages): DeviceKind | null {
    if (how === 'written') return deviceKindOf(to);
    const kind = how === 'made' ? kindOfNew(contentOf(to.name, image), config.imagesType) : null;
    return kind === 'isolate' || kind === 'lvm' ? kind : null;
  }

  function contentOf(name: string, { properties }: BootImages): Exclude<Content, { readonly of: 'image' }> {
    if (name === 'disk.swap') return { of: 'swap' };
    const type = config.defaultEphemeralFormat ?? fileSystemFor(properties['os_type']);
    return { of: 'fileSystem', type, label: 'ephemeral0' };
  }
}

import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Disk, Instance, StorageRelation } from '../../model/instance.ts';
import { type Arrival, arrivalsOf, type BlockMigration, devicesFor } from '../../model/live-migration/arrivals.ts';
import type { Token } from '../../model/tenure.ts';
import { together } from '../../model/together.ts';
import type { BootImages, ImageRef } from '../accept/images.ts';
import { allocatedBytes } from '../allocated.ts';
import type { BaseCache } from '../base-cache.ts';
import type { Capabilities } from '../capabilities.ts';
import { makeBootFiles } from '../disks/boot-file.ts';
import type { DeviceArrivals } from '../disks/device-arrivals.ts';
import { replacedDiskInfo } from '../disks/disk-info.ts';
import { noticingFullDisk, whyNoRoom } from '../disks/space.ts';
import { hardwareFor } from '../domain-spec.ts';
import type { AskGuestCpus } from '../guest-cpus.ts';
import type { WhileHolding } from '../holding.ts';
import type { Reception } from '../reception.ts';
import type { FileReceiver } from '../transfer/file-receiver.ts';
import { type ExpectedFiles, openForFiles } from '../transfer/open-for-files.ts';
import { makeUefiVariables } from '../uefi-variables.ts';
import { arrivesFor, noteArrival } from './arrival-note.ts';
import { migrationTarget } from './destination.ts';
import type { MigrationTarget } from './start.ts';
import { makeVessels } from './vessels.ts';

/** What a host that a running guest is to come to has been told of it. */
export interface Arriving {
  readonly token: Token;
  readonly instanceId: string;
  readonly migrationId: string;
  readonly storage: Exclude<StorageRelation, 'sameHost'>;
}

export interface LiveArrivalActivities {
  /** How much the disks hold: what is written where their destination makes room for no more. Changes nothing. */
  measureDisks(input: { token: Token; instanceId: string; disks: readonly Disk[] }): Promise<{ readonly allocatedBytes: number }>;
  /**
   * Why this host cannot take the running guest, or how its disks would get here; `missing`: images that are to be fetched first, and then it
   * is to be asked again. `allocatedBytes` null: there has to be room for all that may be written to its disks. Changes nothing.
   */
  planLiveArrival(
    input: Omit<Arriving, 'instanceId'> & {
      instance: Instance;
      image: BootImages;
      blockMigration: BlockMigration;
      allocatedBytes: number | null;
    },
  ): Promise<LivePlan>;
  /**
   * Has all that the guest's QEMU needs here before it comes: empty disks to be mirrored into, what it boots with, a file for its UEFI
   * variables, which come with its memory. In a directory that the source sees, too, all is there but whole devices. `receives`: what its
   * source sends beside, for which something listens from then on. Raises `DiskSpaceLow`, `DeviceDiffers`. Repeatable.
   */
  prepareLiveArrival(
    input: Arriving & { instance: Instance; image: BootImages; arrivals: readonly Arrival[]; receives?: ExpectedFiles | null },
  ): Promise<{ readonly opened: FileReceiver | null }>;
}

export type LivePlan =
  | {
      readonly refusal: string;
      /** Of which type the failure is where no other host is to be tried. */
      readonly type: 'MigrationPreCheckError' | 'DestinationDiskExists';
      readonly missing: readonly [];
    }
  | {
      readonly refusal: null;
      readonly arrivals: readonly Arrival[];
      readonly missing: readonly ImageRef[];
      readonly target: MigrationTarget;
    };

type Refused = LivePlan & { readonly refusal: string };

export function liveArrivalActivities(
  { whyNotHere, whyInTheWay, basesHere }: Reception,
  { capabilities, askGuestCpus }: { readonly capabilities: Capabilities; readonly askGuestCpus: AskGuestCpus },
  whileHolding: WhileHolding,
  bases: BaseCache,
  devices: DeviceArrivals,
  config: Parameters<typeof openForFiles>[0] & Pick<Config, 'liveMigration' | 'instancesDir'>,
): LiveArrivalActivities {
  const { instancesDir } = config;
  return {
    measureDisks: async ({ instanceId, disks }) => {
      const files = disks.filter(({ device }) => device === undefined);
      const sizes = await Promise.all(files.map(({ name }) => allocatedBytes(join(instancesDir, instanceId, name))));
      return { allocatedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
    },

    planLiveArrival: async (input) => {
      const { instance, image, storage, blockMigration } = input;
      const no = await whyNot(input);
      if (no !== null) return no;
      const { sameBases, missing } = storage === 'separate' ? await basesHere(instance, image) : { sameBases: [], missing: [] };
      const { refusal, arrivals } = arrivalsOf({ disks: instance.disks, storage, sameBases, blockMigration });
      if (refusal !== null) return refused(`the instance ${refusal}`);
      const noDevice = await devices.whyNot(instance.id, devicesFor(arrivals));
      if (noDevice !== null) return refused(noDevice);
      const noRoom = storage === 'shared' ? null : await whyNoRoom(instancesDir, input.allocatedBytes ?? virtualBytes(arrivals));
      return noRoom === null
        ? { refusal: null, arrivals, missing, target: migrationTarget(config, (await askGuestCpus())?.shared) }
        : refused(noRoom);
    },

    prepareLiveArrival: ({ token, instanceId, migrationId, storage, instance, image, arrivals, receives }) =>
      whileHolding(instanceId, token, (directory) =>
        bases.keeping(async () => {
          if (storage === 'separate') await noteArrival(directory, migrationId);
          await beginOnDevices(instanceId, arrivals);
          if (storage === 'shared') return { opened: null };
          const { uefi } = await capabilities.choose(hardwareFor(instance, image));
          await noticingFullDisk(directory, () =>
            together([
              makeVessels({ directory, bases }, arrivals),
              makeBootFiles(directory, image, bases),
              uefi === null ? null : makeUefiVariables(directory, uefi),
            ]),
          );
          await replacedDiskInfo(
            directory,
            arrivals.map(({ to }) => to),
          );
          // A run of before 0.2 has each disk that is sent served by itself.
          return { opened: receives === undefined || receives === null ? null : await openForFiles(config, directory, token, receives) };
        }),
      ),
  };

  async function beginOnDevices(instanceId: string, arrivals: readonly Arrival[]): Promise<void> {
    for (const { how, to } of arrivals) if (how === 'mirrored to a device') await devices.begin(instanceId, to);
  }

  /** What of this host keeps it from taking the instance. */
  async function whyNot({
    instance,
    image,
    migrationId,
    storage,
  }: Parameters<LiveArrivalActivities['planLiveArrival']>[0]): Promise<Refused | null> {
    const notHere = await whyNotHere(instance, instance.flavor, image);
    if (notHere !== null) return refused(notHere);
    if (storage === 'separate' && (await arrivesFor(join(instancesDir, instance.id), migrationId))) return null;
    const inTheWay = await whyInTheWay(instance.id, storage);
    return inTheWay && refused(inTheWay.why, inTheWay.isDisks ? 'DestinationDiskExists' : 'MigrationPreCheckError');
  }
}

function virtualBytes(arrivals: readonly Arrival[]): number {
  return arrivals.reduce((sum, { to }) => sum + (to.device === undefined ? to.sizeBytes : 0), 0);
}

function refused(refusal: string, type: Refused['type'] = 'MigrationPreCheckError'): Refused {
  return { refusal, type, missing: [] };
}

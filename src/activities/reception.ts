import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import type { Flavor } from '../model/flavor.ts';
import type { Instance, StorageRelation } from '../model/instance.ts';
import type { BootImages, ImageRef } from './accept/images.ts';
import type { BaseCache } from './base-cache.ts';
import type { Capabilities } from './capabilities.ts';
import { hardwareFor } from './domain-spec.ts';
import { guestOf } from './guest.ts';
import { isHoldingFile } from './holding.ts';
import { isThere } from './is-there.ts';
import { asideOf } from './resize/aside.ts';
import { comparison } from './transfer/comparison.ts';

/** What a host that an instance is to come to is asked. Nothing of it changes anything. */
export interface Reception {
  /** What of the guest's hardware this host does not have, or null. It is asked for as it was built: an update of a host never changes it. */
  readonly whyNotHere: (instance: Instance, flavor: Flavor, image: BootImages) => Promise<string | null>;
  /** What would be taken for the instance's, or overwritten by it, or null; `isDisks`: it is in its directory. */
  readonly whyInTheWay: (
    instanceId: string,
    storage: StorageRelation,
  ) => Promise<{ readonly why: string; readonly isDisks: boolean } | null>;
  /** Bases that its overlays can stand on here as they did, and images that are to be fetched: the base of its own image can be had. */
  readonly basesHere: (
    instance: Instance,
    image: BootImages,
  ) => Promise<{ readonly sameBases: readonly string[]; readonly missing: readonly ImageRef[] }>;
}

export function reception(
  libvirt: Libvirt,
  capabilities: Capabilities,
  bases: BaseCache,
  { instancesDir }: Pick<Config, 'instancesDir'>,
): Reception {
  return {
    whyNotHere: async ({ machineType }, flavor, image) => {
      try {
        const hardware = hardwareFor({ flavor }, image);
        await capabilities.choose(machineType === null ? hardware : { ...hardware, machineType });
        return null;
      } catch (error) {
        if (!(error instanceof ApplicationFailure)) throw error;
        return error.message;
      }
    },

    whyInTheWay: async (instanceId, storage) => {
      const directory = join(instancesDir, instanceId);
      if (storage === 'sameHost') return null;
      if ((await guestOf(libvirt, instanceId).state()) !== null)
        return { why: `it has a domain of instance ${instanceId}: an earlier migration left it`, isDisks: false };
      if (storage === 'shared') return null;
      if (await isThere(asideOf(directory))) return { why: `it has ${asideOf(directory)}, which an earlier migration left`, isDisks: true };
      const isSomething = (name: string) => !isHoldingFile(name) && !name.startsWith('.probe-');
      const files = (await isThere(directory)) ? (await readdir(directory)).filter(isSomething) : [];
      return files.length === 0 ? null : { why: `it has ${files.join(', ')} in ${directory}`, isDisks: true };
    },

    basesHere: async ({ disks }, { root, kernel, ramdisk }) => {
      const backings = disks.flatMap(({ backing }) => backing ?? []);
      const answers = await Promise.all(backings.map((backing) => comparison(bases.pathOf(backing.imageId), backing)));
      const thatAre = (answer: string) => backings.filter((_backing, index) => answers[index] === answer).map(({ imageId }) => imageId);
      const booted = [kernel, ramdisk].filter((image) => image !== null);
      const found = await Promise.all(booted.map(bases.baseOf));
      const missing = booted.filter((_image, index) => found[index] === null);
      return { sameBases: thatAre('same'), missing: thatAre('absent').includes(root.id) ? [root, ...missing] : missing };
    },
  };
}

import { z } from 'zod';
import type { ClaimState } from '../../../model/device-claim.ts';
import { run } from '../../run.ts';

/** Where volumes are made. */
export interface LvmConfig {
  readonly volumeGroup: string;
  /** Null: volumes have all their space from the beginning. */
  readonly thinPool: string | null;
}

/** How far a volume is: what `DeviceClaim` says of whole devices. None is `dirty`: a new one is made for its disk. */
export type VolumeState = Exclude<ClaimState, 'dirty'>;

/** A logical volume that is a disk of an instance. */
export interface Volume {
  readonly path: string;
  readonly instanceId: string;
  /** Name of the disk. */
  readonly disk: string;
  readonly sizeBytes: number;
  readonly isThin: boolean;
  readonly state: VolumeState;
}

/** What a group makes volumes of. */
export interface Space {
  /** A volume is whole extents of this size. */
  readonly extentBytes: number;
  /** What is left for volumes; null: a thin pool promises more than it has. */
  readonly freeBytes: number | null;
}

/** What a volume takes that is to hold so many bytes. */
export function roundedUp(sizeBytes: number, { extentBytes }: Pick<Space, 'extentBytes'>): number {
  return Math.ceil(sizeBytes / extentBytes) * extentBytes;
}

/** The volume group of a host. Its own metadata say how far a volume is: there is no second place that could say otherwise after a power loss. */
export interface VolumeGroup {
  readonly name: string;
  /** All that are disks of instances. */
  readonly volumes: () => Promise<readonly Volume[]>;
  readonly volumesOf: (instanceId: string) => Promise<readonly Volume[]>;
  /** Where the disk is, or would be. */
  readonly pathOf: (instanceId: string, disk: string) => string;
  readonly space: () => Promise<Space>;
  /** A thin one reads as zeros, another as what its extents held before. */
  readonly create: (instanceId: string, disk: string, sizeBytes: number, state: VolumeState) => Promise<void>;
  readonly note: (volume: Pick<Volume, 'instanceId' | 'disk'>, state: VolumeState) => Promise<void>;
  readonly remove: (volume: Pick<Volume, 'instanceId' | 'disk'>) => Promise<void>;
}

/** The tags of volumes. One that is ready has none, as those have that were made before there were tags. */
const tags = { claimed: 'novaflow.claimed', writing: 'novaflow.writing', left: 'novaflow.left' } as const;

const volumesReport = z.object({
  report: z.tuple([
    z.object({
      lv: z.array(z.object({ lv_name: z.string(), lv_size: z.coerce.number(), pool_lv: z.string(), lv_tags: z.string() })),
    }),
  ]),
});

const groupReport = z.object({
  report: z.tuple([z.object({ vg: z.tuple([z.object({ vg_extent_size: z.coerce.number(), vg_free: z.coerce.number() })]) })]),
});

/** As volumes are named, which is as Nova names them. */
const volumeName = /^([0-9a-f-]{36})_(.+)$/;

/** The group of this host, from its configuration. */
export function lvmGroup({ volumeGroup, thinPool }: LvmConfig): VolumeGroup {
  return {
    name: volumeGroup,
    volumes,
    volumesOf: async (instanceId) => (await volumes()).filter((volume) => volume.instanceId === instanceId),
    pathOf,
    space: async () => {
      const report = groupReport.parse(JSON.parse(await said('vgs', 'vg_extent_size,vg_free')));
      const [{ vg_extent_size: extentBytes, vg_free: freeBytes }] = report.report[0].vg;
      return { extentBytes, freeBytes: thinPool === null ? freeBytes : null };
    },
    create: async (instanceId, disk, sizeBytes, state) => {
      const size = thinPool === null ? ['--size', `${sizeBytes}b`] : ['--virtualsize', `${sizeBytes}b`, '--thinpool', thinPool];
      const tag = state === 'ready' ? [] : ['--addtag', tags[state]];
      await run('lvcreate', ['--yes', '--wipesignatures', 'n', ...size, ...tag, '--name', `${instanceId}_${disk}`, volumeGroup]);
    },
    note: async (volume, state) => {
      const others = Object.entries(tags).flatMap(([other, tag]) => (other === state ? [] : ['--deltag', tag]));
      await run('lvchange', [...others, ...(state === 'ready' ? [] : ['--addtag', tags[state]]), nameOf(volume)]);
    },
    remove: async (volume) => {
      await run('lvremove', ['--yes', nameOf(volume)]);
    },
  };

  async function volumes(): Promise<readonly Volume[]> {
    const report = volumesReport.parse(JSON.parse(await said('lvs', 'lv_name,lv_size,pool_lv,lv_tags')));
    return report.report[0].lv.flatMap(({ lv_name: name, lv_size: sizeBytes, pool_lv: pool, lv_tags: tagged }) => {
      const [, instanceId, disk] = volumeName.exec(name) ?? [];
      if (instanceId === undefined || disk === undefined) return [];
      return [{ path: pathOf(instanceId, disk), instanceId, disk, sizeBytes, isThin: pool !== '', state: stateOf(tagged.split(',')) }];
    });
  }

  async function said(command: 'lvs' | 'vgs', fields: string): Promise<string> {
    const options = ['--reportformat', 'json', '--units', 'b', '--nosuffix', '--options', fields];
    return (await run(command, [...options, volumeGroup])).stdout;
  }

  function pathOf(instanceId: string, disk: string): string {
    return `/dev/${volumeGroup}/${instanceId}_${disk}`;
  }

  function nameOf({ instanceId, disk }: Pick<Volume, 'instanceId' | 'disk'>): string {
    return `${volumeGroup}/${instanceId}_${disk}`;
  }
}

function stateOf(tagged: readonly string[]): VolumeState {
  if (tagged.includes(tags.left)) return 'left';
  if (tagged.includes(tags.writing)) return 'writing';
  return tagged.includes(tags.claimed) ? 'claimed' : 'ready';
}

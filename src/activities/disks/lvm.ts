import { z } from 'zod';
import type { Disk } from '../../model/instance.ts';
import { syncContent } from '../rename-durably.ts';
import { run } from '../run.ts';
import type { BlankBackend, PlacedDisk, RootBackend, Site } from './backend.ts';
import type { DeviceKeeper } from './device-keeper.ts';
import { writeImage } from './write-image.ts';
import { zero } from './zero.ts';

interface LvmConfig {
  readonly volumeGroup: string;
  /** Null: volumes have all their space from the beginning. */
  readonly thinPool: string | null;
}

const report = z.object({
  report: z.tuple([z.object({ lv: z.array(z.object({ lv_name: z.string(), lv_size: z.coerce.number(), pool_lv: z.string() })) })]),
});

/** As volumes are named, which is as Nova names them. */
const volumeName = /^([0-9a-f-]{36})_(.+)$/;

/** Disks that are logical volumes of one group, `<instance>_<disk>`. */
export function lvmDisks({ volumeGroup, thinPool }: LvmConfig): { root: RootBackend; blank: BlankBackend; keeper: DeviceKeeper } {
  const place: BlankBackend['place'] = async ({ instanceId }, { name, sizeBytes }): Promise<PlacedDisk> => ({
    name,
    kind: 'lvm',
    format: 'raw',
    sizeBytes,
    device: pathOf(`${instanceId}_${name}`),
    backing: null,
  });

  return {
    root: { place, make: (site, disk, base, patience) => made(site, disk, patience === 'long', (path) => writeImage(base, path)) },
    blank: { place, make: (site, disk, fill, _patience) => made(site, disk, true, fill) },
    keeper: {
      check: async () => {}, // a volume is found by its name
      release: async (instanceId, kept) => {
        if (kept !== undefined) return []; // a wipe would not tell them from the others
        const volumes = await volumesOf(instanceId);
        for (const { lv_name: name, pool_lv: pool } of volumes) if (pool !== '') await remove(name); // a new thin volume reads as zeros
        return volumes.filter(({ pool_lv: pool }) => pool === '').map(({ lv_name: name }) => pathOf(name));
      },
      wipe: async (instanceId) => {
        for (const { lv_name: name, lv_size: sizeBytes } of await volumesOf(instanceId)) {
          await zero(pathOf(name), sizeBytes, `wipe ${name}`);
          await remove(name);
        }
      },
      list: async () =>
        (await allVolumes()).flatMap(({ lv_name: name }) => {
          const [, instanceId, disk] = volumeName.exec(name) ?? [];
          return instanceId === undefined || disk === undefined ? [] : [{ path: pathOf(name), instanceId, disk, difference: null }];
        }),
    },
  };

  /** Under another name first: a volume of the disk's name is whole, after a power loss, too. */
  async function made({ instanceId }: Site, disk: Disk, mayBegin: boolean, write: (path: string) => Promise<void>): Promise<boolean> {
    const name = `${instanceId}_${disk.name}`;
    const partial = `${name}.partial`;
    const names = (await volumesOf(instanceId)).map((volume) => volume.lv_name);
    if (names.includes(name)) return true;
    if (!mayBegin) return false;
    if (!names.includes(partial)) await create(partial, disk.sizeBytes);
    await write(pathOf(partial));
    await syncContent(pathOf(partial));
    await run('lvrename', [volumeGroup, partial, name]);
    return true;
  }

  async function create(name: string, sizeBytes: number): Promise<void> {
    const size = thinPool === null ? ['--size', `${sizeBytes}b`] : ['--virtualsize', `${sizeBytes}b`, '--thinpool', thinPool];
    await run('lvcreate', ['--yes', '--wipesignatures', 'n', ...size, '--name', name, volumeGroup]);
  }

  async function remove(name: string): Promise<void> {
    await run('lvremove', ['--yes', `${volumeGroup}/${name}`]);
  }

  async function volumesOf(instanceId: string) {
    return (await allVolumes()).filter(({ lv_name: name }) => name.startsWith(`${instanceId}_`));
  }

  async function allVolumes() {
    const options = ['--reportformat', 'json', '--units', 'b', '--nosuffix', '--options', 'lv_name,lv_size,pool_lv'];
    const { stdout } = await run('lvs', [...options, volumeGroup]);
    return report.parse(JSON.parse(stdout)).report[0].lv;
  }

  function pathOf(name: string): string {
    return `/dev/${volumeGroup}/${name}`;
  }
}

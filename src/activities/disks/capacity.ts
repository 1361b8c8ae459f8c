import { statfs } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import { run } from '../run.ts';
import { identityOf } from './isolate/block-device.ts';

type Kept = Pick<Config, 'imagesType' | 'instancesDir' | 'isolate' | 'lvm'>;

/** The bytes that root disks of this host can have: of the file system, the volume group or the whole devices that they are kept on. */
export async function capacityBytesOf({ imagesType, instancesDir, isolate, lvm }: Kept): Promise<number> {
  if (imagesType === 'isolate') {
    const found = await Promise.all(isolate.devices.map(({ path }) => identityOf(path)));
    return found.reduce((sum, device) => sum + (device?.sizeBytes ?? 0), 0);
  }
  if (imagesType === 'lvm' && lvm.volumeGroup !== null) {
    const { stdout } = await run('vgs', ['--noheadings', '--units', 'b', '--nosuffix', '--options', 'vg_size', lvm.volumeGroup]);
    return Number(stdout.trim());
  }
  const { blocks, bsize } = await statfs(instancesDir);
  return blocks * bsize;
}

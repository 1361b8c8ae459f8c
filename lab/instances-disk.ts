import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDirOf, hostDirOf } from './names.ts';
import { run } from './run.ts';
import type { LabState } from './state.ts';
import { until } from './wait.ts';

/** Where a host's instances lie, as the machine sees it: a directory of its own, or the one that all hosts of the lab share. */
export function instancesDirOf(lab: Pick<LabState, 'name' | 'shared'>, host: string): string {
  return join(diskDirOf(lab, host), 'instances');
}

/** Makes a host's instances directory; with a size given, it is an ext4 file system of that size, so that it can be full and lose power. */
export async function makeInstancesDisk(lab: LabState, host: string): Promise<void> {
  const dir = instancesDirOf(lab, host);
  await mkdir(dir, { recursive: true });
  if (lab.instancesSizeMiB === null || (await mountPointsBelow(dir)).length > 0) return;
  const disk = diskFileOf(lab, host);
  await run('truncate', ['-s', `${lab.instancesSizeMiB}M`, disk]);
  await run('mkfs.ext4', ['-q', '-F', '-m', '0', disk]);
  await run('mount', ['-o', 'loop', disk, dir]);
}

/**
 * Replaces the instances file system by what its disk had: what was written without being synced is still in the page cache and is lost.
 * Nothing may run on the host; a shared one is refused, for the other hosts still use it.
 */
export async function losePowerOfInstancesDisk(lab: LabState, host: string): Promise<void> {
  if (lab.instancesSizeMiB === null)
    throw new Error(`lab ${lab.name} keeps instances on the machine's own disk: bring it up with an instances size`);
  if (lab.shared) throw new Error(`lab ${lab.name} shares its instances: their disk is not ${host}'s to lose`);
  const dir = instancesDirOf(lab, host);
  const disk = diskFileOf(lab, host);
  await copyQuietDisk(disk, `${disk}.had`);
  await run('umount', [dir]);
  await rename(`${disk}.had`, disk);
  await run('mount', ['-o', 'loop', disk, dir]);
}

/** Unmounts all instances file systems of a lab and returns when their loop devices are free. */
export async function unmountInstancesDisks(lab: string): Promise<void> {
  const dir = dataDirOf(lab);
  for (const mountPoint of await mountPointsBelow(dir)) await run('umount', ['-l', mountPoint]);
  // The mounts of a host that was just killed go in the background.
  await until(async () => ((await loopDevicesOf(dir)).length === 0 ? true : null), {
    what: `the release of loop devices of lab ${lab}`,
    timeoutMs: 10_000,
  });
}

/** The attached loop devices of the machine with the file behind each. */
export async function loopDevices(): Promise<{ readonly device: string; readonly file: string }[]> {
  const names = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const devices = await Promise.all(
    names.map(async (name) => ({
      device: `/dev/${name}`,
      file: await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => ''),
    })),
  );
  return devices.filter(({ file }) => file !== '').map(({ device, file }) => ({ device, file: file.trim() }));
}

/** The machine's mount points in or below a directory, the deepest first. */
export async function mountPointsBelow(dir: string): Promise<string[]> {
  const points = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  return points.filter((point) => point === dir || point.startsWith(`${dir}/`)).reverse();
}

/** Copies the disk at a moment when the kernel wrote nothing to it: a commit that falls into the copy would leave a disk that never was. */
async function copyQuietDisk(disk: string, copy: string): Promise<void> {
  const device = (await loopDevices()).find(({ file }) => file === disk)?.device;
  if (device === undefined) throw new Error(`${disk} is attached to no loop device`);
  const counters = `/sys/block/${device.slice('/dev/'.length)}/stat`;
  await until(
    async () => {
      const before = await readFile(counters, 'utf8');
      await run('cp', ['--sparse=always', disk, copy]);
      return writesIn(before) === writesIn(await readFile(counters, 'utf8')) ? true : null;
    },
    { what: `a quiet moment of ${device}`, timeoutMs: 30_000 },
  );
}

/** Completed writes and writes in flight, fields 5 and 9 of a block device's `stat`. */
function writesIn(stat: string): string {
  const fields = stat.trim().split(/\s+/);
  return `${fields[4]} ${fields[8]}`;
}

async function loopDevicesOf(dir: string): Promise<string[]> {
  return (await loopDevices()).filter(({ file }) => file.startsWith(`${dir}/`)).map(({ device }) => device);
}

function diskFileOf(lab: Pick<LabState, 'name' | 'shared'>, host: string): string {
  return join(diskDirOf(lab, host), 'instances.img');
}

function diskDirOf(lab: Pick<LabState, 'name' | 'shared'>, host: string): string {
  return lab.shared ? dataDirOf(lab.name) : hostDirOf(lab.name, host);
}

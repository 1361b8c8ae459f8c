import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { HostListing, ListedLink } from '../../model/verify/listing.ts';
import { run } from '../run.ts';

const links = z.array(z.looseObject({ ifname: z.string(), master: z.string().optional() }));

const loops = z.object({
  loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string().nullable(), 'back-ino': z.number().nullable() })),
});

/** All network devices with the bridge they are a port of. */
export async function listLinks(): Promise<readonly ListedLink[]> {
  const { stdout } = await run('ip', ['-json', 'link', 'show']);
  return links.parse(JSON.parse(stdout)).map(({ ifname, master = null }) => ({ name: ifname, master }));
}

/** The loop devices on files below `directory`. A file of the same path in a container of this machine is another file. */
export async function listLoopDevices(directory: string): Promise<HostListing['loopDevices']> {
  const { stdout } = await run('losetup', ['--list', '--json', '--output', 'NAME,BACK-FILE,BACK-INO']);
  if (stdout === '') return []; // there is none
  const found: { device: string; file: string }[] = [];
  for (const { name, 'back-file': file, 'back-ino': inode } of loops.parse(JSON.parse(stdout)).loopdevices) {
    if (file?.startsWith(`${directory}/`) && (await inodeOf(file)) === inode) found.push({ device: name, file });
  }
  return found;
}

async function inodeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ ino }) => ino,
    () => null,
  );
}

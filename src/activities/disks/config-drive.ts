import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configDriveFiles } from '../../model/config-drive.ts';
import type { Disk, Instance } from '../../model/instance.ts';
import type { Vif } from '../addresses.ts';
import { run } from '../run.ts';
import { madeAside } from './made-aside.ts';

/** Makes the config drive of an instance, the last disk of its bus. */
export async function makeConfigDrive(
  directory: string,
  instance: Instance,
  vifs: readonly Vif[],
  publicKeys: readonly string[],
): Promise<Disk> {
  const path = join(directory, 'disk.config');
  const ports = vifs.map(({ port, mtu, dns }) => ({ ...port, mtu, dns }));
  await madeAside(path, async (partial) => {
    const tree = join(directory, 'config-drive.partial');
    await rm(tree, { recursive: true, force: true }); // of an attempt that died
    await mkdir(tree);
    try {
      for (const { path: name, content } of configDriveFiles({ instance, ports, publicKeys })) {
        await mkdir(dirname(join(tree, name)), { recursive: true });
        await writeFile(join(tree, name), content);
      }
      await run('genisoimage', ['-quiet', '-o', partial, '-V', 'cidata', '-J', '-r', tree]);
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  });
  const { size: sizeBytes } = await stat(path);
  return { name: 'disk.config', target: 'vdz', kind: 'raw', format: 'iso', sizeBytes, backing: null };
}

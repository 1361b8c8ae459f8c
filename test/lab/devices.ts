import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../lab/run.ts';

/** A loop device, which stands for a whole disk, on a file of its own. */
export interface LoopDevice extends AsyncDisposable {
  readonly path: string;
  readonly file: string;
}

/** Attaches a new file of this size. */
export async function loopDevice(sizeMiB: number): Promise<LoopDevice> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-device-'));
  const file = join(directory, 'disk.img');
  await using disk = await open(file, 'w');
  await disk.truncate(sizeMiB * 1024 ** 2);
  const path = (await run('losetup', ['--find', '--show', file])).trim();
  return {
    path,
    file,
    [Symbol.asyncDispose]: async () => {
      await run('losetup', ['--detach', path]);
      await rm(directory, { recursive: true });
    },
  };
}

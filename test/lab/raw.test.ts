import { mkdir, mkdtemp, open, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../lab/run.ts';
import { rawRoot } from '../../src/activities/disks/raw.ts';
import { loopDevice } from './devices.ts';
import { inActivity, siteIn } from './in-activity.ts';

const MiB = 1024 ** 2;

test('on XFS a raw root disk shares the blocks of its image, and is made at once however large that is', async () => {
  const { directory, base } = await onXfs(300 * MiB);
  const disk = { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: 1024 * MiB, backing: null } as const;
  const freeBefore = await freeBytes(directory);
  expect(await inActivity(() => rawRoot.make(siteIn(directory, 'web1'), disk, base, 'quick'))).toBe(true);
  expect(freeBefore - (await freeBytes(directory))).toBeLessThan(MiB);
  await using made = await open(join(directory, 'disk'));
  const { buffer } = await made.read(Buffer.alloc(MiB), 0, MiB, 299 * MiB);
  expect({ size: (await made.stat()).size, isImage: buffer.equals(Buffer.alloc(MiB, 'image')) }).toEqual({
    size: 1024 * MiB,
    isImage: true,
  });
});

/** An XFS with an image of this size on it. */
async function onXfs(imageBytes: number) {
  const device = await loopDevice(512);
  onTestFinished(() => device[Symbol.asyncDispose]());
  await run('mkfs.xfs', ['-q', device.path]);
  const mountPoint = await mkdtemp(join(tmpdir(), 'novaflow-xfs-'));
  onTestFinished(() => rm(mountPoint, { recursive: true }));
  await run('mount', [device.path, mountPoint]);
  onTestFinished(() => run('umount', [mountPoint]).then(() => undefined));
  const directory = join(mountPoint, 'web1');
  await mkdir(directory);
  const path = join(mountPoint, 'base');
  for (let written = 0; written < imageBytes; written += MiB) await writeFile(path, Buffer.alloc(MiB, 'image'), { flag: 'a' });
  const base = { path, format: 'raw', checksum: '', imageId: 'image', sizeBytes: imageBytes } as const;
  return { directory, base };
}

async function freeBytes(directory: string): Promise<number> {
  await run('sync', ['--file-system', directory]);
  const { bfree, bsize } = await statfs(directory);
  return bfree * bsize;
}

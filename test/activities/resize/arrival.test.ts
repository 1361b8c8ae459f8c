import { execFileSync } from 'node:child_process';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ArrivalSite, arrived } from '../../../src/activities/resize/arrival.ts';
import type { Backing, Disk } from '../../../src/model/instance.ts';
import type { DiskMove } from '../../../src/model/resize/moves.ts';
import { parseInfo } from '../../../src/qemu/img.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const MiB = 1024 ** 2;
const proof = 'what the guest wrote';
const backing: Backing = { imageId: 'image', checksum: 'sha256:00', format: 'raw' };
const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();

/** A destination that sees what was put aside, with a base of 16 MiB that holds an ext4. */
async function world() {
  const root = await ownDirectory();
  const [directory, aside, base] = [join(root, 'here'), join(root, 'aside'), join(root, 'base')];
  await Promise.all([directory, aside].map((path) => mkdir(path)));
  await writeFile(base, '');
  await truncate(base, 16 * MiB);
  run('mkfs.ext4', '-q', '-F', base);
  const written = join(root, 'written');
  await writeFile(join(root, 'proof'), proof);
  run('cp', base, written);
  run('debugfs', '-w', '-R', `write ${join(root, 'proof')} proof`, written);
  const warnings: string[] = [];
  const site: ArrivalSite = {
    directory,
    aside,
    bases: { pathOf: () => base },
    growFileSystem: 'auto',
    warn: (message) => warnings.push(message),
  };
  return {
    ...{ site, base, written, warnings, from: join(aside, 'disk'), to: join(directory, 'disk') },
    /** An overlay into which its guest has written. */
    overlay: (path: string) => run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-B', base, '-F', 'raw', written, path),
  };
}

const overlayOf = (sizeBytes: number): Disk => ({ name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes, backing });
const rawOf = (sizeBytes: number): Disk => ({ ...overlayOf(sizeBytes), kind: 'raw', format: 'raw', backing: null });

function moveOf(from: Disk, changes: Partial<Disk> = {}): DiskMove {
  const { target: _there, ...disk } = from;
  const to = { ...disk, ...changes };
  return { how: 'copied', from, to, grows: to.sizeBytes > from.sizeBytes };
}

const infoOf = (path: string) => parseInfo(run('qemu-img', 'info', '--output=json', path));
/** How large the file system in a disk is, by its own superblock. */
function fileSystemBytes(path: string, format: 'raw' | 'qcow2'): number {
  const flat = `${path}.flat`;
  run('qemu-img', 'convert', '-f', format, '-O', 'raw', path, flat);
  run('e2fsck', '-fn', flat);
  const found = run('dumpe2fs', '-h', flat);
  const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(found)?.[1]);
  return field('Block count') * field('Block size');
}
/** What the guest wrote, as it is in the file system now. */
function proofIn(path: string, format: 'raw' | 'qcow2'): string {
  const flat = `${path}.read`;
  run('qemu-img', 'convert', '-f', format, '-O', 'raw', path, flat);
  return run('debugfs', '-R', 'cat /proof', flat);
}

describe('an overlay', () => {
  test('arrives as it is, on the same base', async () => {
    const { site, overlay, from, to, base } = await world();
    overlay(from);
    await inActivity(() => arrived(site, moveOf(overlayOf(16 * MiB))));
    expect(infoOf(to)).toMatchObject({ virtualSizeBytes: 16 * MiB, backing: { path: base, format: 'raw' } });
    expect(proofIn(to, 'qcow2')).toBe(proof);
  });

  test('that grows is an overlay on the same base still, its file system as large as it and what the guest wrote in it', async () => {
    const { site, overlay, from, to, base, warnings } = await world();
    overlay(from);
    await inActivity(() => arrived(site, moveOf(overlayOf(16 * MiB), { sizeBytes: 64 * MiB })));
    expect(infoOf(to)).toMatchObject({ virtualSizeBytes: 64 * MiB, backing: { path: base } });
    expect(fileSystemBytes(to, 'qcow2')).toBe(64 * MiB);
    expect(proofIn(to, 'qcow2')).toBe(proof);
    expect(infoOf(to).allocatedBytes).toBeLessThan(4 * MiB);
    expect(warnings).toEqual([]);
  });

  test('with partitions grows alone, and so does one whose file systems are left to guests', async () => {
    const { site, overlay, from, to } = await world();
    overlay(from);
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 0x55 510 1', '-c', 'write -P 0xaa 511 1', from);
    await inActivity(() => arrived(site, moveOf(overlayOf(16 * MiB), { sizeBytes: 64 * MiB })));
    expect(infoOf(to).virtualSizeBytes).toBe(64 * MiB);

    const other = await world();
    other.overlay(other.from);
    await inActivity(() => arrived({ ...other.site, growFileSystem: 'never' }, moveOf(overlayOf(16 * MiB), { sizeBytes: 64 * MiB })));
    expect(infoOf(other.to).virtualSizeBytes).toBe(64 * MiB);
    expect(fileSystemBytes(other.to, 'qcow2')).toBe(16 * MiB);
  });

  test('whose file system is damaged grows alone, with a warning', async () => {
    const { site, overlay, from, to, warnings } = await world();
    overlay(from);
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 0xff 4k 64k', from);
    await inActivity(() => arrived(site, moveOf(overlayOf(16 * MiB), { sizeBytes: 64 * MiB })));
    expect(infoOf(to).virtualSizeBytes).toBe(64 * MiB);
    expect(warnings).toEqual([expect.stringContaining('the file system of disk was not grown')]);
  });

  test('that was sent here grows where it is, and rests on the base that is here', async () => {
    const { site, overlay, to, base } = await world();
    overlay(to);
    run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'raw', '-b', '/elsewhere/base', to);
    const move = moveOf(overlayOf(16 * MiB), { sizeBytes: 64 * MiB });
    for (const _attempt of [1, 2]) await inActivity(() => arrived({ ...site, aside: null }, move));
    expect(infoOf(to)).toMatchObject({ virtualSizeBytes: 64 * MiB, backing: { path: base } });
    expect(fileSystemBytes(to, 'qcow2')).toBe(64 * MiB);
    expect(proofIn(to, 'qcow2')).toBe(proof);
  });
});

describe('a raw disk', () => {
  test('grows with its file system', async () => {
    const { site, base, from, to } = await world();
    run('cp', base, from);
    await inActivity(() => arrived(site, moveOf(rawOf(16 * MiB), { sizeBytes: 48 * MiB })));
    expect(fileSystemBytes(to, 'raw')).toBe(48 * MiB);
    expect(fileSystemBytes(from, 'raw')).toBe(16 * MiB);
  });

  test('becomes qcow2 after it grew', async () => {
    const { site, written, from, to } = await world();
    run('cp', written, from);
    await inActivity(() => arrived(site, moveOf(rawOf(16 * MiB), { sizeBytes: 48 * MiB, kind: 'qcow2', format: 'qcow2' })));
    expect(infoOf(to)).toMatchObject({ format: 'qcow2', virtualSizeBytes: 48 * MiB, backing: null });
    expect(fileSystemBytes(to, 'qcow2')).toBe(48 * MiB);
    expect(proofIn(to, 'qcow2')).toBe(proof);
  });

  test('that is there is kept, whatever lies aside', async () => {
    const { site, base, from, to } = await world();
    run('cp', base, from);
    await writeFile(to, Buffer.alloc(16 * MiB, 'g'));
    await inActivity(() => arrived(site, moveOf(rawOf(16 * MiB))));
    expect((await readFile(to)).subarray(0, 3).toString()).toBe('ggg');
  });

  test('that came short is refused', async () => {
    const { site, to } = await world();
    await writeFile(to, 'short');
    await expect(inActivity(() => arrived({ ...site, aside: null }, moveOf(rawOf(16 * MiB))))).rejects.toMatchObject({
      type: 'OperationFailed',
      message: 'disk arrived with 5 bytes, not with 16777216',
    });
  });
});

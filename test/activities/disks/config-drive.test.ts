import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ConfigDriveKind, makeConfigDrive } from '../../../src/activities/disks/config-drive.ts';
import { type ConfigDriveContents, configDriveFiles } from '../../../src/model/config-drive.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const contents: ConfigDriveContents = {
  instance: {
    id: '6a1b2c3d-0000-4000-8000-000000000001',
    name: 'web1',
    projectId: 'engine',
    availabilityZone: null,
    metadata: {},
  },
  ports: [],
  publicKeys: ['ssh-ed25519 AAAA web'],
  secrets: {
    adminPassword: 'canary',
    userData: 'AP8NCg==',
    files: [{ path: '/etc/motd', contentsBase64: Buffer.alloc(10_240, 'm').toString('base64') }],
  },
};
const wanted = new Map(configDriveFiles(contents).map(({ path, content }) => [path, Buffer.from(content)]));

/** The files of a drive by path, as another program than the one that wrote it reads them; nothing is mounted. */
const readers = {
  iso9660: async (drive: string) => {
    const paths = execFileSync('isoinfo', ['-i', drive, '-J', '-f']).toString().trim().split('\n');
    const read = (path: string) => execFileSync('isoinfo', ['-i', drive, '-J', '-x', path]);
    return new Map(paths.map((path) => [path.slice(1), read(path)] as const).filter(([path]) => wanted.has(path)));
  },
  vfat: async (drive: string) => {
    const to = join(await ownDirectory(), 'tree');
    await mkdir(to);
    execFileSync('mcopy', ['-i', drive, '-s', '-Q', '::/*', to]);
    const paths = (await readdir(to, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const files = paths.map(({ parentPath, name }) => join(parentPath, name));
    return new Map(await Promise.all(files.map(async (path) => [path.slice(to.length + 1), await readFile(path)] as const)));
  },
} as const;

async function made(kind: Partial<ConfigDriveKind> = {}) {
  const directory = await ownDirectory();
  const make = () => inActivity(() => makeConfigDrive(directory, contents, { format: 'iso9660', label: 'config-2', ...kind }));
  return { directory, path: join(directory, 'disk.config'), make, disk: await make() };
}

function blkid(path: string, tag: string): string {
  return execFileSync('blkid', ['-p', '-o', 'value', '-s', tag, path]).toString().trim();
}

describe.each(['iso9660', 'vfat'] as const)('a config drive of %s', (format) => {
  test.each(['config-2', 'cidata'] as const)('is found by its file system and its label %s', async (label) => {
    const { path } = await made({ format, label });
    expect([blkid(path, 'TYPE'), blkid(path, 'LABEL')]).toEqual([format, label]);
  });

  test('holds every file as it was given', async () => {
    const { path } = await made({ format });
    expect(await readers[format](path)).toEqual(wanted);
  });

  test('is on record as it is, and is kept when the step comes again', async () => {
    const { path, disk, make } = await made({ format });
    const { size, ino } = await stat(path);
    const name = { name: 'disk.config', target: 'vdz', kind: 'raw', format: format === 'vfat' ? 'raw' : 'iso' };
    expect(disk).toEqual({ ...name, sizeBytes: size, backing: null });
    expect(await make()).toEqual(disk);
    expect((await stat(path)).ino).toBe(ino);
  });

  test('can be read by its owner alone, and leaves nothing else of what it holds', async () => {
    const { directory, path } = await made({ format });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['disk.config']);
  });

  test('that an attempt left half-way is made anew', async () => {
    const directory = await ownDirectory();
    await writeFile(join(directory, 'disk.config.partial'), 'half a drive');
    await mkdir(join(directory, 'config-drive.partial'));
    await writeFile(join(directory, 'config-drive.partial', 'left'), 'of another');
    await inActivity(() => makeConfigDrive(directory, contents, { format, label: 'config-2' }));
    expect(await readdir(directory)).toEqual(['disk.config']);
    expect(await readers[format](join(directory, 'disk.config'))).toEqual(wanted);
  });
});

test('a vfat drive takes 64 MiB of which only what is written lies on the host', async () => {
  const { path } = await made({ format: 'vfat' });
  const { size, blocks } = await stat(path);
  expect(size).toBe(64 * 1024 ** 2);
  expect(blocks * 512).toBeLessThan(1024 ** 2);
});

test('a vfat drive that is made again from the same contents has the same bytes', async () => {
  const [one, another] = [await made({ format: 'vfat' }), await made({ format: 'vfat' })];
  expect((await readFile(one.path)).equals(await readFile(another.path))).toBe(true);
});

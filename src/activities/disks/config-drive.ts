import { mkdir, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ConfigDriveContents,
  type ConfigDriveFile,
  type ConfigDriveFormat,
  type ConfigDriveLabel,
  configDriveFiles,
} from '../../model/config-drive.ts';
import type { Disk } from '../../model/instance.ts';
import { run } from '../run.ts';
import { madeAside } from './made-aside.ts';

/** What kind of drive it is: the file system is the host's choice, the label the image's. */
export interface ConfigDriveKind {
  readonly format: ConfigDriveFormat;
  readonly label: ConfigDriveLabel;
}

/** Nova's size of a drive with vfat; what is not written takes no place on the host. */
const vfatBytes = 64 * 1024 ** 2;
/** Of every file on the drive: the earliest time that FAT can hold, so that a drive that is made again has the same times. */
const madeAtSeconds = Date.UTC(1980, 0, 1) / 1000;

/**
 * Makes the config drive of an instance, the last disk of its bus. It holds the secrets of the instance, and is the only place on the host
 * that does: nobody but its owner may read it, nor what it is made from. It cannot be made again on another host, since nothing else keeps
 * the secrets: who moves an instance copies it.
 */
export async function makeConfigDrive(directory: string, contents: ConfigDriveContents, kind: ConfigDriveKind): Promise<Disk> {
  const path = join(directory, 'disk.config');
  await madeAside(path, async (partial) => {
    const tree = join(directory, 'config-drive.partial');
    await rm(tree, { recursive: true, force: true }); // of an attempt that died
    try {
      await writeTree(tree, configDriveFiles(contents));
      // Made beforehand, since neither program can be told a mode.
      await writeFile(partial, '', { mode: 0o600, flag: 'wx' });
      await drives[kind.format](partial, tree, kind.label, contents.instance.id);
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  });
  const { size: sizeBytes } = await stat(path);
  const format = kind.format === 'iso9660' ? 'iso' : 'raw';
  return { name: 'disk.config', target: 'vdz', kind: 'raw', format, sizeBytes, backing: null };
}

type WriteDrive = (path: string, tree: string, label: ConfigDriveLabel, instanceId: string) => Promise<void>;

const drives = {
  iso9660: async (path, tree, label) => {
    await run('genisoimage', ['-quiet', '-o', path, '-V', label, '-J', '-r', '-l', '-ldots', '-allow-lowercase', '-allow-multidot', tree]);
  },
  vfat: async (path, tree, label, instanceId) => {
    const file = await open(path, 'r+');
    await file.truncate(vfatBytes).finally(() => file.close());
    await run('mkfs.vfat', ['--invariant', '-i', instanceId.slice(0, 8), '-n', label, path]);
    const entries = (await readdir(tree)).sort().map((name) => join(tree, name));
    await run('env', ['TZ=UTC0', `SOURCE_DATE_EPOCH=${madeAtSeconds}`, 'mcopy', '-i', path, '-s', '-m', '-Q', ...entries, '::/']);
  },
} as const satisfies Record<ConfigDriveFormat, WriteDrive>;

async function writeTree(tree: string, files: readonly ConfigDriveFile[]): Promise<void> {
  await mkdir(tree, { mode: 0o700 });
  for (const { path, content } of files) {
    await mkdir(dirname(join(tree, path)), { recursive: true, mode: 0o700 });
    await writeFile(join(tree, path), content, { mode: 0o600 });
  }
  for (const path of await readdir(tree, { recursive: true })) await utimes(join(tree, path), madeAtSeconds, madeAtSeconds);
}

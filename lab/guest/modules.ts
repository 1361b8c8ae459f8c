import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../run.ts';

/** The modules a guest needs to reach its disks, its network, its config drive and its power button. */
export const bootModules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'virtio_net',
  'virtio-rng',
  'sd_mod',
  'sr_mod',
  'isofs',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_iso8859_1',
  'nls_utf8',
  'ahci',
  'ata_piix',
  'ext4',
  'button',
  'evdev',
];

/** The module of the channel that a guest's agent listens on. */
export const agentModules = ['virtio_console'];

/**
 * Copies the wanted modules and those they need into `to`, unpacked, with a file `order` that lists them so that each follows what it
 * needs. What a kernel has built in, or lacks, is passed over.
 */
export async function copyModules(modulesDir: string, wanted: readonly string[], to: string): Promise<void> {
  const files = new Map(
    (await readdir(modulesDir, { recursive: true })).filter(isModule).map((path) => [nameOf(path), join(modulesDir, path)]),
  );
  const order: string[] = [];
  for (const name of wanted) await copyWithNeeds(nameOf(name), { files, order, to });
  await writeFile(join(to, 'order'), order.map((name) => `${name}.ko\n`).join(''));
}

interface Copying {
  readonly files: ReadonlyMap<string, string>;
  readonly order: string[];
  readonly to: string;
}

async function copyWithNeeds(name: string, copying: Copying): Promise<void> {
  const file = copying.files.get(name);
  if (file === undefined || copying.order.includes(name)) return;
  const unpacked = await unpack(file, join(copying.to, `${name}.ko`));
  for (const need of needsOf(await readFile(unpacked))) await copyWithNeeds(need, copying);
  copying.order.push(name);
}

/** What a module says of itself in its section .modinfo: `depends=a,b`, ended by a zero byte. Packages have no modules.dep, it is made at installation. */
function needsOf(module: Buffer): string[] {
  const start = module.indexOf('\0depends=');
  const end = module.indexOf('\0', start + 1);
  const list = module.toString('latin1', start + '\0depends='.length, end);
  return start < 0 || list === '' ? [] : list.split(',').map(nameOf);
}

/** Debian 13 packs modules with xz, Ubuntu with zstd. */
async function unpack(file: string, to: string): Promise<string> {
  await copyFile(file, file.endsWith('.ko') ? to : `${to}${file.slice(file.lastIndexOf('.'))}`);
  if (file.endsWith('.xz')) await run('xz', ['-d', `${to}.xz`]);
  if (file.endsWith('.zst')) await run('zstd', ['-q', '-d', '--rm', `${to}.zst`]);
  return to;
}

function isModule(path: string): boolean {
  return /\.ko(\.xz|\.zst)?$/.test(path);
}

/** A module's name as the kernel writes it: file names mix dashes and underscores. */
function nameOf(path: string): string {
  return basename(path)
    .replace(/\.ko(\.xz|\.zst)?$/, '')
    .replaceAll('-', '_');
}

import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../src/cache-directory.ts';
import { run } from '../run.ts';
import { downloadAgent, installAgent } from './agent.ts';
import { installProgram } from './install-program.ts';
import { downloadKernel, unpackKernel } from './kernel.ts';
import { agentModules, bootModules, copyModules } from './modules.ts';

/** A guest for a lab: three files that boot to a program in about a second. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
  /** A raw ext4 file system of 64 MiB. */
  readonly rootImage: string;
  readonly console: 'ttyS0';
  /** The kernel's command line. */
  readonly cmdline: string;
}

const busybox = '/bin/busybox';
const script = (name: string) => join(import.meta.dirname, name);

/**
 * Builds the guest or returns it as it was built before from the same sources; only the first time needs a network, for the distribution's
 * kernel and its guest agent, which runs where the domain has a channel for it (image property `hw_qemu_guest_agent`).
 * `cacheDir` is where it is kept: without it, novaflow's place in the user's cache.
 */
export async function buildGuest(options: { cacheDir?: string; onProgress?: (line: string) => void } = {}): Promise<GuestImage> {
  const { cacheDir = cacheDirectory(), onProgress = () => undefined } = options;
  const parent = join(cacheDir, 'guest');
  await mkdir(parent, { recursive: true });
  const dir = join(parent, await inputsHash());
  if ((await readdir(dir).catch(() => [])).length > 0) return imageIn(dir);
  const packages = { kernel: join(cacheDir, 'guest-kernel'), agent: join(cacheDir, 'guest-agent') };
  await downloadKernel(packages.kernel, onProgress);
  await downloadAgent(packages.agent, onProgress);
  onProgress('building the guest');
  await buildInto(dir, parent, packages);
  return imageIn(dir);
}

/** Directories with the packages that a guest is made from. */
interface Packages {
  readonly kernel: string;
  readonly agent: string;
}

async function buildInto(dir: string, parent: string, packages: Packages): Promise<void> {
  const work = await mkdtemp(join(parent, 'partial-'));
  try {
    const { vmlinuz, modulesDir } = await unpackKernel(packages.kernel, join(work, 'kernel'));
    const built = join(work, 'built');
    await mkdir(built);
    await copyFile(vmlinuz, imageIn(built).kernel);
    // Ubuntu's kernel is readable by root only, and one host's QEMU is not root.
    await chmod(imageIn(built).kernel, 0o644);
    await buildInitrd(join(work, 'initrd'), modulesDir, imageIn(built).initrd);
    await buildRoot(join(work, 'root'), { modulesDir, agent: packages.agent }, imageIn(built).rootImage);
    // Of two that build at the same time the second finds the place taken by the same thing.
    await rename(built, dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function buildInitrd(dir: string, modulesDir: string, initrd: string): Promise<void> {
  for (const name of ['bin', 'modules']) await mkdir(join(dir, name), { recursive: true });
  await installProgram(script('initrd-init.sh'), join(dir, 'init'));
  await installProgram(busybox, join(dir, 'bin/busybox'));
  await run('ln', ['-s', 'busybox', join(dir, 'bin/sh')]);
  await copyModules(modulesDir, bootModules, join(dir, 'modules'));
  // Not compressed: unpacking it would take an emulated processor longer than reading it.
  await run('sh', ['-c', 'find . | cpio --quiet -o -H newc -R 0:0 >"$0"', initrd], { cwd: dir });
}

async function buildRoot(dir: string, from: { modulesDir: string; agent: string }, image: string): Promise<void> {
  const places = ['bin', 'sbin', 'etc', 'run', 'proc', 'sys', 'dev', 'tmp', 'config', 'modules'];
  for (const name of places) await mkdir(join(dir, name), { recursive: true });
  await installProgram(script('init.sh'), join(dir, 'sbin/init'));
  await installProgram(script('shutdown.sh'), join(dir, 'sbin/shutdown'));
  await installProgram(busybox, join(dir, 'bin/busybox'));
  for (const applet of (await run(busybox, ['--list'])).split('\n').filter((name) => name !== 'busybox')) {
    await run('ln', ['-s', 'busybox', join(dir, 'bin', applet)]);
  }
  await copyModules(from.modulesDir, agentModules, join(dir, 'modules'));
  await installAgent(from.agent, dir);
  await writeFile(join(dir, 'journal'), '');
  await run('mkfs.ext4', ['-q', '-L', 'guest-root', '-d', dir, '-E', 'root_owner=0:0', image, '64M']);
}

function imageIn(dir: string): GuestImage {
  return {
    kernel: join(dir, 'vmlinuz'),
    initrd: join(dir, 'initrd'),
    rootImage: join(dir, 'root.ext4'),
    console: 'ttyS0',
    cmdline: 'root=/dev/vda console=ttyS0 quiet mitigations=off',
  };
}

/** Names a guest by what it is made from: these sources and the machine's busybox. */
async function inputsHash(): Promise<string> {
  const sources = (await readdir(import.meta.dirname)).sort().map((name) => join(import.meta.dirname, name));
  const hash = createHash('sha256');
  for (const file of [...sources, busybox]) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

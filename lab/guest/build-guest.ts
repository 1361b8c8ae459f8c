import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../src/cache-directory.ts';
import { run } from '../run.ts';
import { downloadAgent, installAgent } from './agent.ts';
import { builtOnce, busybox } from './built-once.ts';
import { buildInitrd } from './initrd.ts';
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

const script = (name: string) => join(import.meta.dirname, name);

/**
 * Builds the guest or returns it as it was built before from the same sources; only the first time needs a network, for the distribution's
 * kernel and its guest agent, which runs where the domain has a channel for it (image property `hw_qemu_guest_agent`).
 * `cacheDir` is where it is kept: without it, novaflow's place in the user's cache.
 */
export async function buildGuest(options: { cacheDir?: string; onProgress?: (line: string) => void } = {}): Promise<GuestImage> {
  const { cacheDir = cacheDirectory(), onProgress = () => undefined } = options;
  const packages = { kernel: join(cacheDir, 'guest-kernel'), agent: join(cacheDir, 'guest-agent') };
  const dir = await builtOnce(join(cacheDir, 'guest'), [import.meta.dirname], async (built, work) => {
    await downloadKernel(packages.kernel, onProgress);
    await downloadAgent(packages.agent, onProgress);
    onProgress('building the guest');
    const { kernel, initrd, rootImage } = imageIn(built);
    const { vmlinuz, modulesDir } = await unpackKernel(packages.kernel, join(work, 'kernel'));
    await copyFile(vmlinuz, kernel);
    // Ubuntu's kernel is readable by root only, and one host's QEMU is not root.
    await chmod(kernel, 0o644);
    await buildInitrd(join(work, 'initrd'), { init: script('initrd-init.sh'), modulesDir, modules: bootModules }, initrd);
    await buildRoot(join(work, 'root'), { modulesDir, agent: packages.agent }, rootImage);
  });
  return imageIn(dir);
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

import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheDirectory } from '../../src/cache-directory.ts';
import { installProgram } from '../guest/install-program.ts';
import { downloadKernel, unpackKernel } from '../guest/kernel.ts';
import { bootModules, copyModules } from '../guest/modules.ts';
import { downloadPackages, unpackPackages } from '../guest/packages.ts';
import { run, succeeds } from '../run.ts';

/** What a virtual machine boots from; all its other files are those of the machine that it runs on. */
export interface VirtualMachine {
  readonly kernel: string;
  readonly initrd: string;
  /** An ext4 file system for what is written, which already holds what is laid over the machine's files: modules of the kernel, and LVM. */
  readonly disk: string;
}

const busybox = '/bin/busybox';
const script = (name: string) => join(import.meta.dirname, name);

/**
 * Builds what a virtual machine boots from, or returns it as it was built before from the same sources. The first time needs a network, for
 * the distribution's kernel and LVM, which are unpacked and not installed: an installed LVM would look for volumes when this machine boots.
 */
export async function buildVirtualMachine(onProgress: (line: string) => void): Promise<VirtualMachine> {
  const parent = join(cacheDirectory(), 'virtual-machine');
  await mkdir(parent, { recursive: true });
  const dir = join(parent, await inputsHash());
  if ((await readdir(dir).catch(() => [])).length > 0) return virtualMachineIn(dir);
  const packages = { kernel: join(cacheDirectory(), 'guest-kernel'), lvm: join(cacheDirectory(), 'virtual-machine-lvm') };
  await downloadKernel(packages.kernel, onProgress);
  await downloadPackages(packages.lvm, missingPackages);
  onProgress('building the virtual machine');
  const work = await mkdtemp(join(parent, 'partial-'));
  try {
    const { vmlinuz, modulesDir } = await unpackKernel(packages.kernel, join(work, 'kernel'));
    const built = join(work, 'built');
    await mkdir(built);
    await cp(vmlinuz, virtualMachineIn(built).kernel);
    await buildInitrd(join(work, 'initrd'), modulesDir, virtualMachineIn(built).initrd);
    await buildDisk(join(work, 'disk'), { modulesDir, lvm: packages.lvm }, virtualMachineIn(built).disk);
    await rename(built, dir);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return virtualMachineIn(dir);
}

/** LVM with all that it needs and this machine has not. */
async function missingPackages(): Promise<readonly string[]> {
  const plan = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'lvm2', 'thin-provisioning-tools']);
  return plan.split('\n').flatMap((line) => /^Inst (\S+)/.exec(line)?.slice(1) ?? []);
}

async function buildInitrd(dir: string, modulesDir: string, initrd: string): Promise<void> {
  for (const name of ['bin', 'modules']) await mkdir(join(dir, name), { recursive: true });
  await installProgram(script('initrd-init.sh'), join(dir, 'init'));
  await installProgram(busybox, join(dir, 'bin/busybox'));
  await run('ln', ['-s', 'busybox', join(dir, 'bin/sh')]);
  await copyModules(modulesDir, [...bootModules, 'virtiofs', 'overlay'], join(dir, 'modules'));
  await run('sh', ['-c', 'find . | cpio --quiet -o -H newc -R 0:0 >"$0"', initrd], { cwd: dir });
}

async function buildDisk(dir: string, from: { modulesDir: string; lvm: string }, disk: string): Promise<void> {
  const upper = join(dir, 'upper');
  await mkdir(join(dir, 'work'), { recursive: true });
  await unpackPackages(from.lvm, upper);
  // In packages these may be directories, which would hide the machine's links of the same names.
  for (const name of ['bin', 'sbin', 'lib']) {
    await cp(join(upper, name), join(upper, 'usr', name), { recursive: true, verbatimSymlinks: true }).catch(ignoreMissing);
    await rm(join(upper, name), { recursive: true, force: true });
  }
  await installProgram(script('init.sh'), join(upper, 'usr/sbin/run-the-command'));
  await cp(script('lvm.conf'), join(upper, 'etc/lvm/lvm.conf'));
  await cp(from.modulesDir, join(upper, 'usr/lib/modules', basename(from.modulesDir)), { recursive: true });
  await run(busybox, ['depmod', '-b', join(upper, 'usr'), basename(from.modulesDir)]);
  if (!(await succeeds('modprobe', ['--version']))) await run('ln', ['-s', busybox, join(upper, 'usr/sbin/modprobe')]);
  await run('mkfs.ext4', ['-q', '-d', dir, '-E', 'root_owner=0:0', disk, '16G']);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function virtualMachineIn(dir: string): VirtualMachine {
  return { kernel: join(dir, 'vmlinuz'), initrd: join(dir, 'initrd'), disk: join(dir, 'disk.ext4') };
}

/** Names it by what it is made from: these sources and this machine's busybox. */
async function inputsHash(): Promise<string> {
  const sources = (await readdir(import.meta.dirname)).sort().map((name) => join(import.meta.dirname, name));
  const hash = createHash('sha256');
  for (const file of [...sources, busybox]) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

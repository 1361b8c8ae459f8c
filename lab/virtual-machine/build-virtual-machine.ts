import { copyFile, cp, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheDirectory } from '../../src/cache-directory.ts';
import { builtOnce, busybox } from '../guest/built-once.ts';
import { buildInitrd } from '../guest/initrd.ts';
import { installProgram } from '../guest/install-program.ts';
import { downloadKernel, unpackKernel } from '../guest/kernel.ts';
import { bootModules } from '../guest/modules.ts';
import { downloadPackages, unpackPackages } from '../guest/packages.ts';
import { run, succeeds } from '../run.ts';

/** What a virtual machine boots from; all its other files are those of the machine that it runs on. */
export interface VirtualMachine {
  readonly kernel: string;
  readonly initrd: string;
  /** An ext4 file system for what is written, which already holds what is laid over the machine's files: modules of the kernel, and LVM. */
  readonly disk: string;
}

const script = (name: string) => join(import.meta.dirname, name);

/**
 * Builds what a virtual machine boots from, or returns it as it was built before from the same sources. The first time needs a network, for
 * the distribution's kernel and LVM, which are unpacked and not installed: an installed LVM would look for volumes when this machine boots.
 */
export async function buildVirtualMachine(onProgress: (line: string) => void): Promise<VirtualMachine> {
  const packages = { kernel: join(cacheDirectory(), 'guest-kernel'), lvm: join(cacheDirectory(), 'virtual-machine-lvm') };
  const sources = [import.meta.dirname, join(import.meta.dirname, '../guest')];
  const dir = await builtOnce(join(cacheDirectory(), 'virtual-machine'), sources, async (built, work) => {
    await downloadKernel(packages.kernel, onProgress);
    await downloadPackages(packages.lvm, missingPackages);
    onProgress('building the virtual machine');
    const { kernel, initrd, disk } = virtualMachineIn(built);
    const { vmlinuz, modulesDir } = await unpackKernel(packages.kernel, join(work, 'kernel'));
    await copyFile(vmlinuz, kernel);
    const modules = [...bootModules, 'virtiofs', 'overlay'];
    await buildInitrd(join(work, 'initrd'), { init: script('initrd-init.sh'), modulesDir, modules }, initrd);
    await buildDisk(join(work, 'disk'), { modulesDir, lvm: packages.lvm }, disk);
  });
  return virtualMachineIn(dir);
}

/** LVM with all that it needs and this machine has not. */
async function missingPackages(): Promise<readonly string[]> {
  const plan = await run('apt-get', ['install', '--simulate', '--no-install-recommends', 'lvm2', 'thin-provisioning-tools']);
  return plan.split('\n').flatMap((line) => /^Inst (\S+)/.exec(line)?.slice(1) ?? []);
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

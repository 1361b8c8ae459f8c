import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostDirOf } from '../names.ts';
import type { HostState, LabState } from '../state.ts';
import { libvirtdConf, qemuConf } from './config.ts';

/** The directories of a host that lie over the machine's own. */
export function hostDirs(
  lab: string,
  host: string,
): { readonly root: string; readonly run: string; readonly etc: string; readonly cache: string; readonly pki: string } {
  const root = hostDirOf(lab, host);
  return { root, run: join(root, 'run'), etc: join(root, 'etc-libvirt'), cache: join(root, 'cache'), pki: join(root, 'pki') };
}

/** Makes the directories and the configuration of a host. */
export async function prepareHost(lab: LabState, host: HostState): Promise<void> {
  const { root, etc } = hostDirs(lab.name, host.name);
  for (const dir of ['run', 'lib', 'log', 'cache', 'etc-libvirt/qemu', 'pki/etc/pki']) await mkdir(join(root, dir), { recursive: true });
  // The filters that keep a guest from speaking under another's address come with libvirt's packages.
  await cp('/etc/libvirt/nwfilter', join(etc, 'nwfilter'), { recursive: true });
  await writeFile(join(etc, 'libvirtd.conf'), libvirtdConf(host));
  await writeFile(join(etc, 'qemu.conf'), qemuConf(host, await qemuGroup()));
  await writeFile(join(root, 'machine-id'), `${randomUUID().replaceAll('-', '')}\n`);
}

/** Empties a host's /run, as a boot does. */
export async function clearRun(lab: string, host: string): Promise<void> {
  const { run } = hostDirs(lab, host);
  await rm(run, { recursive: true, force: true });
  await mkdir(run);
}

/** The group of user libvirt-qemu: one of the same name in Debian, `kvm` in Ubuntu. */
export async function qemuGroup(): Promise<string> {
  return /^libvirt-qemu:/m.test(await readFile('/etc/group', 'utf8')) ? 'libvirt-qemu' : 'kvm';
}

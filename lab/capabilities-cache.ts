import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../src/cache-directory.ts';

const programs = ['/usr/sbin/libvirtd', '/usr/bin/qemu-system-x86_64', '/usr/bin/qemu-system-aarch64'];

/**
 * Copies what libvirt once learned of this machine's QEMU into a new host's cache, and tells whether there was anything.
 * Probing takes a new libvirtd over 2 s (libvirt 9.0, QEMU 7.2, 2 cores). libvirt itself checks that an entry is still true.
 */
export async function seedCapabilities(hostCacheDir: string, qemuUser: string): Promise<boolean> {
  const kept = await keptDir(qemuUser);
  if ((await readdir(kept).catch(() => [])).length === 0) return false;
  await cp(kept, capabilitiesIn(hostCacheDir), { recursive: true });
  return true;
}

/** Keeps what a host's libvirt learned of QEMU for the hosts to come. */
export async function keepCapabilities(hostCacheDir: string, qemuUser: string): Promise<void> {
  const kept = await keptDir(qemuUser);
  const partial = `${kept}.${process.pid}.partial`;
  await cp(capabilitiesIn(hostCacheDir), partial, { recursive: true });
  await rm(kept, { recursive: true, force: true });
  await rename(partial, kept);
}

function capabilitiesIn(hostCacheDir: string): string {
  return join(hostCacheDir, 'qemu', 'capabilities');
}

/** One directory for each machine, kernel, libvirt and QEMU, and for each user of QEMU: /dev/kvm may be there for one and not for the other. */
async function keptDir(qemuUser: string): Promise<string> {
  const times = await Promise.all(programs.map(async (program) => (await stat(program).catch(() => null))?.ctimeMs ?? 'absent'));
  const key = createHash('sha256')
    .update([release(), ...times].join())
    .digest('hex')
    .slice(0, 16);
  const parent = join(cacheDirectory(), 'qemu-capabilities');
  await mkdir(parent, { recursive: true });
  return join(parent, `${key}-${qemuUser}`);
}

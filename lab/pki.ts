import { join } from 'node:path';
import { pki } from '../src/pki/pki.ts';
import { hostDirs, qemuGroup } from './host/prepare.ts';
import { dataDirOf } from './names.ts';
import type { HostState } from './state.ts';

const days = 30;

/** Makes the authority of a lab's hosts. */
export async function makeLabAuthority(lab: string): Promise<void> {
  await pki.init({ directory: authorityDirOf(lab), days });
}

/** Gives a host its certificates, which it finds in its own /etc/pki; QEMU may read its key where it does not run as root. */
export async function issueCertificate(lab: string, { name: host, address, qemuUser }: HostState): Promise<void> {
  const group = qemuUser === 'root' ? null : await qemuGroup();
  await pki.issue({ directory: authorityDirOf(lab), host, addresses: [address], days, out: hostDirs(lab, host).pki, group });
}

/** Where the authority of a lab is kept. */
export function authorityDirOf(lab: string): string {
  return join(dataDirOf(lab), 'authority');
}

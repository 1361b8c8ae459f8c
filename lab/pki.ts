import { join } from 'node:path';
import { pki } from '../src/pki/pki.ts';
import { hostDirs, qemuGroup } from './host/prepare.ts';
import { dataDirOf } from './names.ts';
import type { LabState } from './state.ts';

const days = 30;

/** Makes the authority of a lab's hosts. */
export async function makeLabAuthority(lab: string): Promise<void> {
  await pki.init({ directory: authorityDirOf(lab), days });
}

/** Gives each host its certificates, which it finds in its own /etc/pki; QEMU may read its key where it does not run as root. */
export async function issueCertificates({ name, hosts }: LabState): Promise<void> {
  const group = await qemuGroup();
  await Promise.all(
    hosts.map(({ name: host, address, qemuUser }) =>
      pki.issue({
        directory: authorityDirOf(name),
        host,
        addresses: [address],
        days,
        out: hostDirs(name, host).pki,
        group: qemuUser === 'root' ? null : group,
      }),
    ),
  );
}

/** Where the authority of a lab is kept. */
export function authorityDirOf(lab: string): string {
  return join(dataDirOf(lab), 'authority');
}

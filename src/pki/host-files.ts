import { createPublicKey } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeKey, writeKeyExchange } from './openssl.ts';

/** Where libvirt and QEMU look for what certifies a host, below its root. */
const places = {
  authority: ['etc/pki/CA/cacert.pem', 'etc/pki/qemu/ca-cert.pem'],
  certificate: [
    'etc/pki/libvirt/servercert.pem',
    'etc/pki/libvirt/clientcert.pem',
    'etc/pki/qemu/server-cert.pem',
    'etc/pki/qemu/client-cert.pem',
  ],
  keyOfLibvirt: ['etc/pki/libvirt/private/serverkey.pem', 'etc/pki/libvirt/private/clientkey.pem'],
  keyOfQemu: ['etc/pki/qemu/server-key.pem', 'etc/pki/qemu/client-key.pem'],
  keyExchange: ['etc/pki/qemu/dh-params.pem'],
} as const;

/** Where a host's own certificate lies below `root`. */
export function certificateOf(root: string): string {
  return join(root, 'etc/pki/qemu/server-cert.pem');
}

/**
 * Makes a host's private key, in every place below `root` where it is looked for, and returns its public key.
 * `gid`: whose members may read those of QEMU; null: root alone.
 */
export async function makeHostKey(root: string, gid: number | null): Promise<string> {
  const made = join(root, 'etc/pki/new-key.pem');
  await mkdir(join(root, 'etc/pki/libvirt'), { recursive: true });
  await mkdir(join(root, 'etc/pki/libvirt/private'), { recursive: true, mode: 0o700 });
  await makeKey(made);
  for (const place of places.keyOfLibvirt) await put(made, join(root, place), { mode: 0o600, gid: null });
  for (const place of places.keyOfQemu) await put(made, join(root, place), { mode: gid === null ? 0o600 : 0o640, gid });
  const publicKey = createPublicKey(await readFile(made))
    .export({ type: 'spki', format: 'pem' })
    .toString();
  await rm(made);
  return publicKey;
}

/**
 * Puts the authority's certificate and the host's below `root`, and what spares QEMU the search for a prime at each start, each in one
 * move, so that who reads them meanwhile reads the old one or the new one. Connections that are open go on.
 */
export async function putCertificates(root: string, { authority, certificate }: { authority: string; certificate: string }): Promise<void> {
  for (const place of places.authority) await put(authority, join(root, place), { mode: 0o644, gid: null });
  for (const place of places.certificate) await put(certificate, join(root, place), { mode: 0o644, gid: null });
  const made = join(root, 'etc/pki/new-key-exchange.pem');
  await writeKeyExchange(made);
  for (const place of places.keyExchange) await put(made, join(root, place), { mode: 0o644, gid: null });
  await rm(made);
}

/** The id of a group of this machine, or null when it has none of that name. */
export async function groupId(name: string): Promise<number | null> {
  const line = (await readFile('/etc/group', 'utf8')).split('\n').find((one) => one.startsWith(`${name}:`));
  return line === undefined ? null : Number(line.split(':')[2]);
}

async function put(from: string, to: string, { mode, gid }: { readonly mode: number; readonly gid: number | null }): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, `${to}.new`);
  if (gid !== null) await chown(`${to}.new`, process.getuid?.() ?? 0, gid);
  await chmod(`${to}.new`, mode);
  await rename(`${to}.new`, to);
}

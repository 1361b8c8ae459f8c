import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from '../activities/is-there.ts';
import { alternativeName, publicKeyIn, readCertificate } from './certificate.ts';
import { certify, certifyItself, makeKey } from './openssl.ts';

/** A certificate authority for hosts: who has a certificate of it is one of them. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
  /** The certificates that it has issued, one a host. */
  readonly issued: string;
}

/** What cannot be issued, in a sentence. */
export class PkiError extends Error {
  override readonly name = 'PkiError';
}

/** Makes an authority in `directory`. One that is there is never replaced: all that it issued would be worth nothing. */
export async function makeAuthority(directory: string, days: number): Promise<Authority> {
  const authority = authorityIn(directory);
  await mkdir(authority.issued, { recursive: true, mode: 0o700 });
  if (await isThere(authority.certificate)) {
    throw new PkiError(`there is an authority in ${directory}: renew it, or take another directory`);
  }
  await makeKey(`${authority.key}.new`);
  await certifyItself(`${authority.certificate}.new`, `${authority.key}.new`, { ...ofAuthority, days });
  await rename(`${authority.key}.new`, authority.key);
  await rename(`${authority.certificate}.new`, authority.certificate);
  return authority;
}

/** The authority that is kept in `directory`. */
export async function authorityOf(directory: string): Promise<Authority> {
  const authority = authorityIn(directory);
  if (await isThere(authority.certificate)) return authority;
  throw new PkiError(`there is no authority in ${directory}: make one with novaflow pki init`);
}

/** Gives the authority a certificate of a later end, for the same key: what it issued is as good under either. */
export async function renewAuthority({ certificate, key }: Authority, days: number): Promise<void> {
  await certifyItself(`${certificate}.new`, key, { ...ofAuthority, days });
  await rename(`${certificate}.new`, certificate);
}

interface Issue {
  readonly host: string;
  readonly addresses: readonly string[];
  readonly days: number;
  /** The host's public key in PEM, which the certificate is for. */
  readonly publicKey: string;
}

/** Issues a host's certificate, for both ends of a connection. Returns the path of the copy that is kept. */
export async function issueCertificate(authority: Authority, { host, addresses, days, publicKey }: Issue): Promise<string> {
  const path = issuedTo(authority, host);
  const names = [...new Set([host, ...addresses])];
  await certify(`${path}.new`, publicKey, authority, {
    subject: host,
    days,
    extensions: {
      basicConstraints: 'critical,CA:FALSE',
      keyUsage: 'critical,digitalSignature,keyEncipherment', // libvirtd wants the second even of a key that only signs
      extendedKeyUsage: 'serverAuth,clientAuth',
      subjectKeyIdentifier: 'hash',
      authorityKeyIdentifier: 'keyid',
      subjectAltName: names.map(alternativeName).join(','),
    },
  });
  await rename(`${path}.new`, path);
  return path;
}

/** The same with a later end, for the key and the addresses that the host's certificate has. */
export async function renewCertificate(authority: Authority, host: string, days: number): Promise<string> {
  const path = issuedTo(authority, host);
  if (!(await isThere(path))) throw new PkiError(`the authority has issued nothing to ${host}`);
  const { addresses } = await readCertificate(path);
  return issueCertificate(authority, { host, addresses, days, publicKey: await publicKeyIn(path) });
}

/** The paths of the certificates that the authority has issued. */
export async function issuedBy({ issued }: Authority): Promise<readonly string[]> {
  return (await readdir(issued))
    .filter((name) => name.endsWith('.pem'))
    .sort()
    .map((name) => join(issued, name));
}

function authorityIn(directory: string): Authority {
  return { certificate: join(directory, 'ca-cert.pem'), key: join(directory, 'ca-key.pem'), issued: join(directory, 'issued') };
}

function issuedTo({ issued }: Authority, host: string): string {
  return join(issued, `${host}.pem`);
}

const ofAuthority = {
  subject: 'novaflow hosts',
  extensions: {
    basicConstraints: 'critical,CA:TRUE,pathlen:0',
    keyUsage: 'critical,keyCertSign,cRLSign',
    subjectKeyIdentifier: 'hash',
  },
} as const;

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** What a certificate says. */
export interface Certificate {
  /** Whose it is: `CN` of its subject, the name of a host. */
  readonly host: string;
  /** IP addresses and names at which others find the host. */
  readonly addresses: readonly string[];
  readonly expiresAt: Date;
}

/** The certificate in a PEM file. */
export async function readCertificate(path: string): Promise<Certificate> {
  const { subject, subjectAltName = '', validToDate } = new X509Certificate(await readFile(path));
  return {
    host: /^CN=(.*)$/m.exec(subject)?.[1] ?? '',
    addresses: subjectAltName.split(', ').flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []),
    expiresAt: validToDate,
  };
}

/** The public key, in PEM, that the certificate in a PEM file is for. */
export async function publicKeyIn(path: string): Promise<string> {
  return new X509Certificate(await readFile(path)).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** A name or an address as a certificate has it. */
export function alternativeName(address: string): string {
  return isIP(address) === 0 ? `DNS:${address}` : `IP:${address}`;
}

import { authorityOf, issueCertificate, issuedBy, makeAuthority, PkiError, renewAuthority, renewCertificate } from './authority.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { groupId, makeHostKey, putCertificates } from './host-files.ts';

/** Which host gets a certificate, and where its files go. */
export interface HostPki {
  /** Where the authority is kept. */
  readonly directory: string;
  readonly host: string;
  readonly addresses: readonly string[];
  readonly days: number;
  /** The root of the host, or of a copy to bring there. */
  readonly out: string;
  /** Whose members may read the keys that QEMU reads; null: root alone. */
  readonly group: string | null;
}

/** The certificates of a cloud's hosts. All of it raises `PkiError` with a sentence. */
export interface Pki {
  readonly init: (wanted: Pick<HostPki, 'directory' | 'days'>) => Promise<Certificate>;
  readonly issue: (wanted: HostPki) => Promise<Certificate>;
  readonly renew: (wanted: Pick<HostPki, 'directory' | 'host' | 'days' | 'out'>) => Promise<Certificate>;
  readonly renewAuthority: (wanted: Pick<HostPki, 'directory' | 'days'>) => Promise<Certificate>;
  /** The authority's own and all that it issued. */
  readonly list: (directory: string) => Promise<readonly Certificate[]>;
}

/** By openssl, in files. */
export const pki: Pki = {
  init: async ({ directory, days }) => readCertificate((await makeAuthority(directory, days)).certificate),

  issue: async ({ directory, host, addresses, days, out, group }) => {
    const authority = await authorityOf(directory);
    const gid = group === null ? null : await groupId(group);
    if (group !== null && gid === null) throw new PkiError(`this machine has no group ${group}`);
    const publicKey = await makeHostKey(out, gid);
    const certificate = await issueCertificate(authority, { host, addresses, days, publicKey });
    await putCertificates(out, { authority: authority.certificate, certificate });
    return readCertificate(certificate);
  },

  renew: async ({ directory, host, days, out }) => {
    const authority = await authorityOf(directory);
    const certificate = await renewCertificate(authority, host, days);
    await putCertificates(out, { authority: authority.certificate, certificate });
    return readCertificate(certificate);
  },

  renewAuthority: async ({ directory, days }) => {
    const authority = await authorityOf(directory);
    await renewAuthority(authority, days);
    return readCertificate(authority.certificate);
  },

  list: async (directory) => {
    const authority = await authorityOf(directory);
    return Promise.all([authority.certificate, ...(await issuedBy(authority))].map(readCertificate));
  },
};

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../activities/run.ts';

/** Makes a private key, readable by its owner only. */
export async function makeKey(path: string): Promise<void> {
  await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path]);
}

/** Writes parameters of a key exchange that everybody may know (RFC 7919): who finds none makes some of its own, at each start. */
export async function writeKeyExchange(path: string): Promise<void> {
  await run('openssl', ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048', '-out', path]);
}

/** What a certificate is to say. */
export interface Wanted {
  readonly subject: string;
  readonly extensions: Readonly<Record<string, string>>;
  readonly days: number;
}

/** Writes a certificate for the key itself, which signs it. */
export async function certifyItself(path: string, key: string, wanted: Wanted): Promise<void> {
  await withConfig(path, wanted, async (config) => {
    await run('openssl', ['req', '-x509', '-new', '-config', config, '-extensions', 'ext', ...common(wanted), '-key', key, '-out', path]);
  });
}

/** Writes a certificate for the owner of a public key, in PEM, signed by an authority. */
export async function certify(
  path: string,
  publicKey: string,
  by: { readonly certificate: string; readonly key: string },
  wanted: Wanted,
): Promise<void> {
  await withConfig(path, wanted, async (config) => {
    await writeFile(`${config}.key`, publicKey);
    const serial = `0x00${randomBytes(16).toString('hex')}`; // 00: a serial number is positive
    const signer = ['-CA', by.certificate, '-CAkey', by.key, '-set_serial', serial];
    const what = ['-subj', `/CN=${wanted.subject}`, '-force_pubkey', `${config}.key`, '-extfile', config, '-extensions', 'ext'];
    await run('openssl', ['x509', '-new', ...what, ...signer, ...common(wanted), '-out', path]);
  });
}

function common({ days }: Wanted): readonly string[] {
  return ['-sha256', '-days', `${days}`];
}

/** All is said in a file of ours, so that no setting of the machine's openssl gets into a certificate. */
async function withConfig(path: string, { subject, extensions }: Wanted, work: (config: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(`${path}.`);
  try {
    const config = join(directory, 'openssl.cnf');
    const lines = Object.entries(extensions).map(([name, value]) => `${name} = ${value}`);
    await writeFile(
      config,
      ['[req]', 'prompt = no', 'distinguished_name = dn', '[dn]', `CN = ${subject}`, '[ext]', ...lines, ''].join('\n'),
    );
    await work(config);
  } finally {
    await rm(directory, { recursive: true });
  }
}

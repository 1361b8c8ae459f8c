import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../../config.ts';
import { pkiOfQemu } from './certificate.ts';

/**
 * What both ends of a connection between hosts are told: who this one is, and by whom the other has to be certified. Read anew each time: a
 * certificate that was renewed is used at once.
 */
export async function credentials(config: Pick<Config, 'pkiDir'>, end: 'server' | 'client'): Promise<SecureContextOptions> {
  const read = (name: string) => readFile(join(pkiOfQemu(config), name));
  const [ca, cert, key] = await Promise.all([read('ca-cert.pem'), read(`${end}-cert.pem`), read(`${end}-key.pem`)]);
  return { ca, cert, key, minVersion: 'TLSv1.3' };
}

/** What a destination answers once all is there. */
export const received = 204;

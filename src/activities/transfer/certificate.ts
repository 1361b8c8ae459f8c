import { join } from 'node:path';
import { log } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { readCertificate } from '../../pki/certificate.ts';
import { errnoOf } from '../failures.ts';
import { fail } from '../record-client.ts';

const warnDays = 30;
const dayMs = 86_400_000;

/** Where QEMU's certificates of this host are. */
export function pkiOfQemu({ pkiDir }: Pick<Config, 'pkiDir'>): string {
  return join(pkiDir, 'qemu');
}

/** Raises `MigrationPreCheckError` unless this host has a certificate that is still good; says in the log when it soon is not. */
export async function requireCertificate(config: Pick<Config, 'pkiDir' | 'host'>): Promise<void> {
  const { name } = config.host;
  const path = join(pkiOfQemu(config), 'server-cert.pem');
  const { expiresAt } = await readCertificate(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') throw fail('MigrationPreCheckError', `host ${name} has no ${path}: novaflow pki issue ${name}`);
    throw error;
  });
  const days = Math.floor((expiresAt.getTime() - Date.now()) / dayMs);
  if (days < 0) throw fail('MigrationPreCheckError', `the certificate of host ${name} has expired: novaflow pki renew ${name}`);
  if (days < warnDays) log.warn(`the certificate of this host expires in ${days} days: novaflow pki renew ${name}`);
}

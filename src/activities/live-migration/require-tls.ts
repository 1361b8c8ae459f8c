import { type Config, ConfigError } from '../../config.ts';

/** Every process of a lab has it, and none elsewhere. */
const labVariable = 'NOVAFLOW_LAB';

/** Raises a `ConfigError` where guests would cross a real network in the clear: their memory has every secret of theirs. */
export function requireMigrationTls(
  { liveMigration: { tls } }: Pick<Config, 'liveMigration'>,
  env: Readonly<Record<string, string | undefined>>,
): void {
  if (tls || env[labVariable] !== undefined) return;
  throw new ConfigError('liveMigration.tls must be true: only in a lab may guests cross the network in the clear');
}

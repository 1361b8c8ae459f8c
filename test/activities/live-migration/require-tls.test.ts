import { expect, test } from 'vitest';
import { requireMigrationTls } from '../../../src/activities/live-migration/require-tls.ts';
import { ConfigError } from '../../../src/config.ts';
import { settingsOfMigration } from '../../model/live-migration/policies.ts';

const clear = { liveMigration: settingsOfMigration({ tls: false }) };

test('a host that would send guests in the clear does not start outside a lab', () => {
  expect(() => requireMigrationTls(clear, {})).toThrow(ConfigError);
  expect(() => requireMigrationTls(clear, { NOVAFLOW_LAB: 'x' })).not.toThrow();
  expect(() => requireMigrationTls({ liveMigration: settingsOfMigration() }, {})).not.toThrow();
});

import { loadConfig } from '../../../src/config.ts';
import type { MigrationPolicy, MigrationSettings } from '../../../src/model/live-migration/policy.ts';

/** The settings that a host has of itself. */
export function settingsOfMigration(changes: Partial<MigrationSettings> = {}): ReturnType<typeof loadConfig>['liveMigration'] {
  return { ...loadConfig({ env: {}, hostname: 'cn1' }).liveMigration, ...changes };
}

/** A policy by default. */
export function policy(changes: Partial<MigrationPolicy> = {}): MigrationPolicy {
  return {
    tls: true,
    bandwidthMiBps: 0,
    downtime: { maxMs: 500, steps: 10, delaySeconds: 150 },
    completionTimeoutSeconds: 1600,
    onTimeout: 'abort',
    postCopy: false,
    autoConverge: false,
    parallelConnections: 1,
    compression: 'none',
    ...changes,
  };
}

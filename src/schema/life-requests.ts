import { z } from 'zod';
import { blockMigrations } from '../model/live-migration/arrivals.ts';
import { timeoutActions } from '../model/live-migration/policy.ts';
import { flag, hostName, id, name, objectOf, oneOf, reason, stringMap, time, wholeNumber } from './fields.ts';
import { flavorOrName } from './flavor.ts';
import { onFailure } from './on-failure.ts';
import { newPassword } from './secrets.ts';

const maxShutdownSeconds = 86_400;

const maxWindowSeconds = 10 * 365 * 86_400;
const confirmWindow = wholeNumber(0, maxWindowSeconds).describe(
  'After so long it is confirmed; 0: it waits for ever. Default: the configured one.',
);

const maxMigrationSeconds = 30 * 86_400;
const maxBandwidthMiBps = 1_000_000;
/** What QEMU takes. */
const maxDowntimeMs = 2_000_000;

/** How a live migration goes on, before and while it does. */
export const steering = {
  bandwidthMiBps: z.exactOptional(wholeNumber(0, maxBandwidthMiBps)).describe('0: as much as there is. Default: the configured one.'),
  maxDowntimeMs: z
    .exactOptional(wholeNumber(1, maxDowntimeMs))
    .describe('How long the guest may stand still at the end. Default: the configured one.'),
};

/** What takes nothing but an instance. */
const onInstance = objectOf({ instanceId: id, onFailure });

/** What is asked of an instance between its build and its end, by operation. */
export const lifeRequests = {
  startInstance: onInstance,
  stopInstance: objectOf({
    instanceId: id,
    mode: z.exactOptional(oneOf(['clean', 'hard'])).describe('hard: switched off at once. Default: clean.'),
    timeoutSeconds: z.exactOptional(wholeNumber(0, maxShutdownSeconds)).describe('How long the guest may take to shut down.'),
    onFailure,
  }),
  rebootInstance: objectOf({
    instanceId: id,
    mode: oneOf(['soft', 'hard']).describe('soft: the guest is asked to shut down. hard: it is switched off and defined anew.'),
    onFailure,
  }),
  pauseInstance: onInstance,
  unpauseInstance: onInstance,
  suspendInstance: onInstance,
  resumeInstance: onInstance,
  resizeInstance: objectOf({
    instanceId: id,
    flavor: z.exactOptional(flavorOrName).describe('None: a cold migration, to another host, which is an administrator’s.'),
    host: z.exactOptional(hostName).describe('To this host and no other.'),
    confirmWindowSeconds: z.exactOptional(confirmWindow),
    onFailure,
  }),
  migrateInstance: objectOf({
    instanceId: id,
    host: z.exactOptional(hostName).describe('To this host and no other.'),
    confirmWindowSeconds: z.exactOptional(confirmWindow),
    onFailure,
  }),
  liveMigrateInstance: objectOf({
    instanceId: id,
    host: z.exactOptional(hostName).describe('To this host and no other.'),
    blockMigration: z
      .exactOptional(oneOf(blockMigrations))
      .describe('Whether disks are copied. Default: auto, where the hosts share no storage.'),
    ...steering,
    completionTimeoutSeconds: z
      .exactOptional(wholeNumber(1, maxMigrationSeconds))
      .describe('How long it may take. Default: by what is copied, as configured.'),
    onTimeout: z.exactOptional(oneOf(timeoutActions)).describe('What is done when it takes longer. Default: the configured one.'),
    postCopy: z.exactOptional(flag).describe('Whether the guest may go on at its destination before its memory is there.'),
    autoConverge: z.exactOptional(flag).describe('Whether a guest that changes its memory too fast is slowed down.'),
    diskOverCommit: z
      .exactOptional(flag)
      .describe('Whether the destination needs room for what is in the disks only, not for all that may be written to them.'),
    onFailure,
  }),
  softDeleteInstance: onInstance,
  restoreInstance: onInstance,
  reclaimInstance: objectOf({ instanceId: id, until: time.describe('When it is deleted.'), onFailure }),
  lockInstance: objectOf({ instanceId: id, reason: z.exactOptional(reason), onFailure }),
  unlockInstance: onInstance,
  renameInstance: objectOf({ instanceId: id, name, onFailure }),
  setInstanceMetadata: objectOf({ instanceId: id, metadata: stringMap.describe('All of it, from now on.'), onFailure }),
  setInstancePassword: objectOf({ instanceId: id, adminPassword: newPassword, onFailure }),
  triggerCrashDump: onInstance,
  getScreenshot: onInstance,
} as const;

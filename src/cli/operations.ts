import { randomUUID } from 'node:crypto';
import type { OperationName } from '../schema/request.ts';

/** How the id of an operation begins, by its type: for the reader of lists; nothing parses it. */
const prefixes = {
  buildInstance: 'build',
  deleteInstance: 'delete',
  startInstance: 'start',
  stopInstance: 'stop',
  rebootInstance: 'reboot',
  pauseInstance: 'pause',
  unpauseInstance: 'unpause',
  suspendInstance: 'suspend',
  resumeInstance: 'resume',
  softDeleteInstance: 'soft-delete',
  restoreInstance: 'restore',
  reclaimInstance: 'reclaim',
  lockInstance: 'lock',
  unlockInstance: 'unlock',
  renameInstance: 'rename',
  setInstanceMetadata: 'set-metadata',
  resizeInstance: 'resize',
  migrateInstance: 'migrate',
  liveMigrateInstance: 'live-migrate',
  setInstancePassword: 'set-password',
  triggerCrashDump: 'crash-dump',
  snapshotInstance: 'snapshot',
  backupInstance: 'backup',
  getScreenshot: 'screenshot',
  getConsoleOutput: 'console',
  openConsole: 'open-console',
  importImage: 'import-image',
  deleteImage: 'delete-image',
  cacheImage: 'cache-image',
  createNetwork: 'create-network',
  enableHost: 'enable-host',
  disableHost: 'disable-host',
  fenceHost: 'fence-host',
  auditHost: 'audit-host',
  verify: 'verify',
} as const satisfies Record<OperationName, string>;

/** The workflow types of all operations. */
export const operationNames: readonly string[] = Object.keys(prefixes);

/** A new id for an operation: `build/web1/3f9a01c2`. */
export function newOperationId(name: OperationName, subject: string): string {
  return `${prefixes[name]}/${subject}/${randomUUID().slice(0, 8)}`;
}

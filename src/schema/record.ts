import { host } from './host.ts';
import { image } from './image.ts';
import { instance } from './instance.ts';
import { network } from './network.ts';
import { operation } from './operation.ts';
import type { OperationName } from './request.ts';
import { cachedImage, consoleOutput, findings, hostAudit, remoteConsole, screenshot } from './results.ts';

/** What queries and operations answer, by the name that the contract gives it. */
export const records = {
  instance,
  host,
  image,
  network,
  operation,
  cachedImage,
  hostAudit,
  consoleOutput,
  remoteConsole,
  findings,
  screenshot,
} as const;

/** The name of a record or result. */
export type RecordName = keyof typeof records;

/** What each operation returns. */
export const resultOf = {
  buildInstance: 'instance',
  deleteInstance: 'instance',
  startInstance: 'instance',
  stopInstance: 'instance',
  rebootInstance: 'instance',
  pauseInstance: 'instance',
  unpauseInstance: 'instance',
  suspendInstance: 'instance',
  resumeInstance: 'instance',
  softDeleteInstance: 'instance',
  restoreInstance: 'instance',
  reclaimInstance: 'instance',
  lockInstance: 'instance',
  unlockInstance: 'instance',
  renameInstance: 'instance',
  setInstanceMetadata: 'instance',
  resizeInstance: 'instance',
  migrateInstance: 'instance',
  liveMigrateInstance: 'instance',
  setInstancePassword: 'instance',
  triggerCrashDump: 'instance',
  snapshotInstance: 'image',
  backupInstance: 'image',
  getScreenshot: 'screenshot',
  getConsoleOutput: 'consoleOutput',
  openConsole: 'remoteConsole',
  importImage: 'image',
  deleteImage: 'image',
  cacheImage: 'cachedImage',
  createNetwork: 'network',
  enableHost: 'host',
  disableHost: 'host',
  fenceHost: 'host',
  auditHost: 'hostAudit',
  verify: 'findings',
} as const satisfies Record<OperationName, RecordName>;

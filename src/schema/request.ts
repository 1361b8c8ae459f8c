import type { z } from 'zod';
import { abort, confirm, forceComplete, retry, revert, rollback, setPolicy } from './decisions.ts';
import { auditHost, fenceHost, setHostEnabled, verify } from './host-requests.ts';
import { backupInstance, cacheImage, deleteImage, importImage, snapshotInstance } from './image-requests.ts';
import { buildInstance, deleteInstance, getConsoleOutput, openConsole } from './instance-requests.ts';
import { lifeRequests } from './life-requests.ts';
import { createNetwork } from './network-requests.ts';

/** What each operation takes, by its workflow type. */
export const requests = {
  buildInstance,
  deleteInstance,
  ...lifeRequests,
  snapshotInstance,
  backupInstance,
  getConsoleOutput,
  openConsole,
  importImage,
  deleteImage,
  cacheImage,
  createNetwork,
  enableHost: setHostEnabled,
  disableHost: setHostEnabled,
  fenceHost,
  auditHost,
  verify,
} as const;

/** What each update of an operation takes, by its name. */
export const decisions = { retry, rollback, confirm, revert, abort, forceComplete, setPolicy } as const;

/** The name of an operation, which is its workflow type. */
export type OperationName = keyof typeof requests;

/** The name of an update of an operation. */
export type UpdateName = keyof typeof decisions;

/** The request of an operation as `parseRequest` returns it. */
export type RequestOf<N extends OperationName> = z.output<(typeof requests)[N]>;

/** The request of an operation as a client may send it. */
export type RequestInputOf<N extends OperationName> = z.input<(typeof requests)[N]>;

/** What `buildInstance` takes. */
export type BuildInstanceRequest = RequestOf<'buildInstance'>;

/** What `deleteInstance` takes. */
export type DeleteInstanceRequest = RequestOf<'deleteInstance'>;

/** What `getConsoleOutput` takes. */
export type GetConsoleOutputRequest = RequestOf<'getConsoleOutput'>;

/** What `importImage` takes. */
export type ImportImageRequest = RequestOf<'importImage'>;

/** What `deleteImage` takes. */
export type DeleteImageRequest = RequestOf<'deleteImage'>;

/** What `cacheImage` takes. */
export type CacheImageRequest = RequestOf<'cacheImage'>;

/** What `createNetwork` takes. */
export type CreateNetworkRequest = RequestOf<'createNetwork'>;

/** What `enableHost` and `disableHost` take. */
export type SetHostEnabledRequest = RequestOf<'enableHost'>;

/** What `fenceHost` takes. */
export type FenceHostRequest = RequestOf<'fenceHost'>;

/** What `auditHost` takes. */
export type AuditHostRequest = RequestOf<'auditHost'>;

/** What `verify` takes. */
export type VerifyRequest = RequestOf<'verify'>;

/** What `retry` takes. */
export type RetryDecision = z.output<typeof retry>;

/** What `rollback` takes. */
export type RollbackDecision = z.output<typeof rollback>;

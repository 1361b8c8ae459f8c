/** `virDomainState`. */
export const DomainState = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** `virDomainRunningReason`. */
export const RunningReason = {
  booted: 1,
  migrated: 2,
  restored: 3,
  fromSnapshot: 4,
  unpaused: 5,
  migrationCanceled: 6,
  saveCanceled: 7,
  wakeup: 8,
  crashed: 9,
  postCopy: 10,
  postCopyFailed: 11,
} as const;

/** `virDomainPausedReason`; a guest restored from a managed save says `migration` without one. */
export const PausedReason = {
  user: 1,
  migration: 2,
  save: 3,
  dump: 4,
  ioError: 5,
  watchdog: 6,
  fromSnapshot: 7,
  shuttingDown: 8,
  snapshot: 9,
  crashed: 10,
  startingUp: 11,
  postCopy: 12,
  postCopyFailed: 13,
} as const;

/** `virDomainShutoffReason`. */
export const ShutoffReason = {
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  fromSnapshot: 7,
  daemon: 8,
} as const;

/** `virDomainControlState`: `occupied` with a growing `stateTimeMs` is a QEMU that hangs. */
export const ControlState = { ok: 0, job: 1, occupied: 2, error: 3 } as const;

/** `virDomainEventType`: what a `lifecycle` event's `event` is. */
export const Lifecycle = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** `virDomainEventStartedDetailType`. */
export const StartedDetail = { booted: 0, migrated: 1, restored: 2, fromSnapshot: 3, wakeup: 4 } as const;

/** `virDomainEventSuspendedDetailType`. */
export const SuspendedDetail = {
  paused: 0,
  migrated: 1,
  ioError: 2,
  watchdog: 3,
  restored: 4,
  fromSnapshot: 5,
  apiError: 6,
  postCopy: 7,
  postCopyFailed: 8,
} as const;

/** `virDomainEventResumedDetailType`. */
export const ResumedDetail = { unpaused: 0, migrated: 1, fromSnapshot: 2, postCopy: 3, postCopyFailed: 4 } as const;

/** `virDomainEventStoppedDetailType`. */
export const StoppedDetail = { shutdown: 0, destroyed: 1, crashed: 2, migrated: 3, saved: 4, failed: 5, fromSnapshot: 6 } as const;

/** `virDomainEventShutdownDetailType`. */
export const ShutdownDetail = { finished: 0, guest: 1, host: 2 } as const;

/** `virDomainJobType`. */
export const JobType = { none: 0, bounded: 1, unbounded: 2, completed: 3, failed: 4, cancelled: 5 } as const;

/** `virDomainJobOperation`: the typed parameter `operation` of job statistics. */
export const JobOperation = {
  unknown: 0,
  start: 1,
  save: 2,
  restore: 3,
  migrationIn: 4,
  migrationOut: 5,
  snapshot: 6,
  snapshotRevert: 7,
  dump: 8,
  backup: 9,
  snapshotDelete: 10,
} as const;

/** `virDomainBlockJobType`. */
export const BlockJobType = { unknown: 0, pull: 1, copy: 2, commit: 3, activeCommit: 4, backup: 5 } as const;

/** `virConnectDomainEventBlockJobStatus`. */
export const BlockJobStatus = { completed: 0, failed: 1, canceled: 2, ready: 3 } as const;

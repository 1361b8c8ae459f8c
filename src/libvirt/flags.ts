/** `virDomainDefineFlags`. */
export const DomainDefine = { validate: 1 } as const;

/** `virDomainCreateFlags`. */
export const DomainCreate = { paused: 1, autoDestroy: 2, bypassCache: 4, forceBoot: 8, validate: 16, resetNvram: 32 } as const;

/** `virDomainDestroyFlagsValues`: graceful fails rather than kill a QEMU that does not react to SIGTERM. */
export const DomainDestroy = { default: 0, graceful: 1, removeLogs: 2 } as const;

/** `virDomainUndefineFlagsValues`. */
export const DomainUndefine = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointsMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const;

/** `virDomainShutdownFlagValues`; reboot has the same. */
export const DomainShutdown = { default: 0, acpiPowerButton: 1, guestAgent: 2, initctl: 4, signal: 8, paravirt: 16 } as const;

/** `virDomainSaveRestoreFlags`. */
export const DomainSave = { bypassCache: 1, running: 2, paused: 4, resetNvram: 8 } as const;

/** `virDomainXMLFlags`. */
export const DomainXml = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;

/** `virDomainModificationImpact`, with `force` of `virDomainDeviceModifyFlags`. */
export const DomainAffect = { current: 0, live: 1, config: 2, force: 4 } as const;

/** `virDomainMetadataType`. */
export const MetadataType = { description: 0, title: 1, element: 2 } as const;

/** `virConnectListAllDomainsFlags`. */
export const ListDomains = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  managedSave: 256,
} as const;

/** `virDomainStatsTypes`. */
export const DomainStats = {
  state: 1,
  cpu: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  ioThread: 128,
  memory: 256,
  dirtyRate: 512,
  vm: 1024,
} as const;

/** `virConnectGetAllDomainStatsFlags`; `nowait` leaves out what a busy guest cannot tell at once. */
export const AllDomainStats = { nowait: 2 ** 29, backing: 2 ** 30, enforce: 2 ** 31 } as const;

/** `virDomainBlockCopyFlags`. */
export const BlockCopy = { shallow: 1, reuseExternal: 2, transientJob: 4, synchronousWrites: 8 } as const;

/** `virDomainBlockRebaseFlags`. */
export const BlockRebase = { shallow: 1, reuseExternal: 2, copyRaw: 4, copy: 8, relative: 16, copyDevice: 32, bandwidthBytes: 64 } as const;

/** `virDomainBlockJobAbortFlags`. */
export const BlockJobAbort = { async: 1, pivot: 2 } as const;

/** `virDomainBlockJobInfoFlags` and `virDomainBlockJobSetSpeedFlags`: bytes per second instead of MiB per second. */
export const BlockJobInfo = { bandwidthBytes: 1 } as const;

/** `virDomainBlockResizeFlags`: without `bytes` the size is in KiB. */
export const BlockResize = { bytes: 1 } as const;

/** `virDomainConsoleFlags`: `force` takes a console from who has it. */
export const ConsoleFlag = { force: 1, safe: 2 } as const;

/** `virDomainMigrateFlags`. */
export const DomainMigrate = {
  live: 1,
  peer2peer: 2,
  tunnelled: 4,
  persistDestination: 8,
  undefineSource: 16,
  paused: 32,
  nonSharedDisk: 64,
  nonSharedIncremental: 128,
  changeProtection: 256,
  unsafe: 512,
  offline: 1024,
  compressed: 2048,
  abortOnError: 4096,
  autoConverge: 8192,
  rdmaPinAll: 16384,
  postCopy: 32768,
  tls: 65536,
  parallel: 131072,
  nonSharedSynchronousWrites: 262144,
  postCopyResume: 524288,
  zeroCopy: 1048576,
} as const;

/** `virCPUCompareResult`; `failIncompatible` of `virConnectCompareCPUFlags` makes an error of the first, which says what is missing. */
export const CpuComparison = { incompatible: 0, identical: 1, superset: 2 } as const;

/** `virConnectCompareCPUFlags`. */
export const CompareCpu = { failIncompatible: 1 } as const;

/** `virDomainGetJobStatsFlags`; without `keepCompleted` reading what is completed forgets it. */
export const JobStats = { completed: 1, keepCompleted: 2 } as const;

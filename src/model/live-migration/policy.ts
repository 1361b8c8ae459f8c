/** What may be done when a live migration takes too long. */
export const timeoutActions = ['abort', 'forceComplete'] as const;
export type TimeoutAction = (typeof timeoutActions)[number];

/** How memory may be compressed on its way. */
export const compressions = ['none', 'xbzrle', 'mt'] as const;
export type Compression = (typeof compressions)[number];

/** How a host migrates its guests, as it is configured. */
export interface MigrationSettings {
  readonly tls: boolean;
  /** 0: as much as there is. */
  readonly bandwidthMiBps: number;
  readonly downtimeMs: number;
  readonly downtimeSteps: number;
  /** For each GiB that is copied. */
  readonly downtimeDelaySeconds: number;
  /** For each GiB that is copied; 0: no limit. */
  readonly completionTimeoutSeconds: number;
  readonly timeoutAction: TimeoutAction;
  readonly permitPostCopy: boolean;
  readonly permitAutoConverge: boolean;
  readonly parallelConnections: number;
  readonly compression: Compression;
}

/** What a request asks for; what it leaves out is the host's. */
export interface WantedMigration {
  readonly bandwidthMiBps?: number;
  readonly maxDowntimeMs?: number;
  /** Of the whole migration. */
  readonly completionTimeoutSeconds?: number;
  readonly onTimeout?: TimeoutAction;
  readonly postCopy?: boolean;
  readonly autoConverge?: boolean;
}

/** How one migration is made. It is decided once, so that a change of the configuration changes nothing of one that runs. */
export interface MigrationPolicy {
  readonly tls: boolean;
  /** 0: as much as there is. */
  readonly bandwidthMiBps: number;
  /** The longest pause of the guest, and how it is come to: see `downtimeSteps`. */
  readonly downtime: { readonly maxMs: number; readonly steps: number; readonly delaySeconds: number };
  /** Null: it may take as long as it takes. */
  readonly completionTimeoutSeconds: number | null;
  readonly onTimeout: TimeoutAction;
  readonly postCopy: boolean;
  readonly autoConverge: boolean;
  readonly parallelConnections: number;
  readonly compression: Compression;
}

/** What is copied. */
export interface CopiedSizes {
  readonly memoryMiB: number;
  /** Of the disks that are copied too. */
  readonly diskBytes: readonly number[];
}

/** The policy of a migration. Where post-copy is permitted the processors are not slowed down: it ends without that, as in Nova. */
export function policyOf(settings: MigrationSettings, wanted: WantedMigration, sizes: CopiedSizes): MigrationPolicy {
  const { tls, downtimeSteps: steps, parallelConnections, compression } = settings;
  const gib = countedGiB(sizes);
  const postCopy = wanted.postCopy ?? settings.permitPostCopy;
  return {
    tls,
    bandwidthMiBps: wanted.bandwidthMiBps ?? settings.bandwidthMiBps,
    downtime: {
      maxMs: wanted.maxDowntimeMs ?? settings.downtimeMs,
      steps,
      delaySeconds: Math.floor(settings.downtimeDelaySeconds * gib),
    },
    completionTimeoutSeconds: wanted.completionTimeoutSeconds ?? completionTimeout(settings.completionTimeoutSeconds, gib),
    onTimeout: wanted.onTimeout ?? settings.timeoutAction,
    postCopy,
    autoConverge: wanted.autoConverge ?? (settings.permitAutoConverge && !postCopy),
    parallelConnections,
    compression,
  };
}

const leastGiB = 2;

/**
 * What waits are measured by: GiB of memory and of each disk that is copied, each counted as 2 at least (Nova's
 * `_live_migration_data_gb`).
 *
 * | memory | disks | GiB |
 * |---|---|---|
 * | 64 MiB | none | 2 |
 * | 64 MiB | 1 GiB | 4 |
 * | 8192 MiB | none | 8 |
 * | 8192 MiB | 20 GiB, 512 MiB | 30 |
 */
export function countedGiB({ memoryMiB, diskBytes }: CopiedSizes): number {
  const parts = [memoryMiB / 1024, ...diskBytes.map((bytes) => bytes / 1024 ** 3)];
  return parts.reduce((sum, gib) => sum + Math.max(leastGiB, gib), 0);
}

/**
 * How long a migration of so many GiB may take (Nova's `live_migration_completion_timeout`), in seconds.
 *
 * | seconds for a GiB | GiB | time-out |
 * |---|---|---|
 * | 800 | 2 | 1600 |
 * | 800 | 30 | 24000 |
 * | 0 | 2 | none |
 */
export function completionTimeout(secondsPerGiB: number, gib: number): number | null {
  return secondsPerGiB === 0 ? null : Math.floor(secondsPerGiB * gib);
}

/** What QEMU refuses to do together, in a sentence, or null. Parallel connections were tried with QEMU 7.2; the others were not tried. */
export function combinationProblem({
  parallelConnections,
  postCopy,
  autoConverge,
  compression,
}: Pick<MigrationPolicy, 'parallelConnections' | 'postCopy' | 'autoConverge' | 'compression'>): string | null {
  const isParallel = parallelConnections > 1;
  if (isParallel && postCopy) return 'QEMU makes no post-copy migration over parallel connections';
  if (isParallel && compression !== 'none') return `QEMU does not compress (${compression}) over parallel connections`;
  if (postCopy && compression === 'mt') return 'QEMU makes no post-copy migration with multi-threaded compression';
  if (postCopy && autoConverge) return 'a guest is either slowed down until it converges or moved by post-copy, not both';
  return null;
}

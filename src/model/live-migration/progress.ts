/** What is copied at this moment; `switched`: the guest runs at the destination, which fetches what is missing. */
export type MigrationPhase = 'disks' | 'memory' | 'switched';

export interface Share {
  readonly totalBytes: number;
  readonly doneBytes: number;
  readonly remainingBytes: number;
}

/** How far a live migration is, as its step's heartbeats tell. */
export interface MigrationProgress {
  readonly phase: MigrationPhase;
  readonly elapsedMs: number;
  readonly memory: Share;
  readonly disks: Share;
  /** What the guest changes of its memory; null before QEMU knows. */
  readonly dirtyBytesPerSecond: number | null;
  /** How many times memory was gone through. */
  readonly iteration: number;
  /** How slow the guest's processors were made, in per cent; 0: not at all. */
  readonly throttlePercent: number;
  /** When it is over, as things are; null: not before the guest changes less, or nobody knows. */
  readonly expectedSeconds: number | null;
}

/** Progress from libvirt's statistics of a job, by name. */
export function migrationProgress(stats: ReadonlyMap<string, unknown>, isSwitched: boolean): MigrationProgress {
  const number = (name: string) => Number(stats.get(name) ?? 0);
  const share = (of: string): Share => ({
    totalBytes: number(`${of}_total`),
    doneBytes: number(`${of}_processed`),
    remainingBytes: number(`${of}_remaining`),
  });
  const [memory, disks] = [share('memory'), share('disk')];
  const inMemory = memory.totalBytes > 0;
  const pages = stats.get('memory_dirty_rate');
  const dirtyBytesPerSecond = pages === undefined ? null : Number(pages) * number('memory_page_size');
  const rate = inMemory ? number('memory_bps') : number('disk_bps');
  const gain = inMemory && !isSwitched ? rate - (dirtyBytesPerSecond ?? 0) : rate;
  const remainingBytes = inMemory ? memory.remainingBytes : disks.remainingBytes;
  return {
    phase: isSwitched ? 'switched' : inMemory ? 'memory' : 'disks',
    elapsedMs: number('time_elapsed'),
    memory,
    disks,
    dirtyBytesPerSecond,
    iteration: number('memory_iteration'),
    throttlePercent: number('auto_converge_throttle'),
    expectedSeconds: gain > 0 ? Math.ceil(remainingBytes / gain) : null,
  };
}

/**
 * How much of a migration is done, as a bar shows it: what is left may grow again as the guest changes its memory, the bar does not run
 * backwards. Disks that are copied are followed on to the end: what they remain with counts as nothing once memory is on its way.
 */
export function barOf(
  { phase, memory, disks }: MigrationProgress,
  memoryBytes: number,
  before: { readonly doneBytes: number } | null,
): { readonly doneBytes: number; readonly totalBytes: number } {
  const totalBytes = disks.totalBytes + memoryBytes;
  const left = phase === 'disks' ? disks.remainingBytes + memoryBytes : Math.min(memory.remainingBytes, memoryBytes);
  const doneBytes = Math.max(0, totalBytes - left);
  return { doneBytes: Math.min(totalBytes, Math.max(doneBytes, before?.doneBytes ?? 0)), totalBytes };
}

import type { GuestSight, SourceEnd } from './sight.ts';

/** What a host knows of the last try to move a guest away. */
export interface LastTry {
  /** Whether the guest was paused when it began. */
  readonly wasPaused: boolean;
  /** Null: nobody saw it. */
  readonly end: SourceEnd | null;
}

/**
 * Whether a guest of which libvirt says that its memory was sent was saved and restored paused instead: unless the last try began with a
 * guest that ran, and nobody saw it stay or leave.
 */
export function isRestoredPaused(last: LastTry | null): boolean {
  return last === null || last.wasPaused || (last.end !== null && last.end !== 'held');
}

/**
 * Why a migration of a guest cannot be begun, in words that follow "the guest", or null: what would be sent is a copy that may have gone on
 * elsewhere.
 *
 * | state | job | last try | |
 * |---|---|---|---|
 * | broken | any | any | refused |
 * | any other | migration out | any | refused |
 * | held | none | none, of a paused guest, or seen to end otherwise | may begin |
 * | held | none | of a guest that ran, and ended held or was not seen to end | refused |
 * | any other | none | any | may begin |
 */
export function whyNotAnew({ state, job }: Pick<GuestSight, 'state' | 'job'>, last: LastTry | null): string | null {
  if (state === 'broken') return 'has switched over to another host in a migration that broke off: only that one can be gone on with';
  if (job === 'migration out') return 'is being moved by another migration';
  if (state === 'held' && !isRestoredPaused(last)) return 'stands still since a migration sent its memory, and may run at another host';
  return null;
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { MigrationProgress } from '../model/live-migration/progress.ts';

/** How far a step is, as its heartbeats carry it. */
export interface Progress {
  readonly step: string;
  readonly doneBytes: number;
  /** Null when nobody knows. */
  readonly totalBytes: number | null;
  /** Of a live migration. */
  readonly migration?: MigrationProgress;
}

interface ProgressHolder {
  current: Progress | null;
}

/** What the next heartbeat of the activity that runs will say. Set by the interceptor. */
export const progressHolder = new AsyncLocalStorage<ProgressHolder>();

/** Tells how far the step is; the next heartbeat carries it. */
export function tellProgress(progress: Progress): void {
  const holder = progressHolder.getStore();
  if (holder !== undefined) holder.current = progress;
}

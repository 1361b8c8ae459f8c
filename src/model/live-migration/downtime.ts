/** From this moment of the migration on the guest may stand still for so long. */
export interface DowntimeStep {
  readonly afterSeconds: number;
  readonly downtimeMs: number;
}

/**
 * How the pause that a guest may have grows while its migration does not come to an end: slowly at first, so that most guests never
 * have a long one (Nova's `downtime_steps`). With 400 ms, 10 steps and 90 seconds between them:
 *
 * | after | downtime | | after | downtime |
 * |---|---|---|---|---|
 * | 0 s | 37 ms | | 540 s | 70 ms |
 * | 90 s | 38 ms | | 630 s | 98 ms |
 * | 180 s | 39 ms | | 720 s | 148 ms |
 * | 270 s | 42 ms | | 810 s | 238 ms |
 * | 360 s | 46 ms | | 900 s | 400 ms |
 * | 450 s | 55 ms | | | |
 */
export function downtimeSteps({
  maxMs,
  steps,
  delaySeconds,
}: {
  readonly maxMs: number;
  readonly steps: number;
  readonly delaySeconds: number;
}): readonly DowntimeStep[] {
  const offset = maxMs / (steps + 1);
  const base = (maxMs - offset) ** (1 / steps);
  return Array.from({ length: steps + 1 }, (_, index) => ({
    afterSeconds: delaySeconds * index,
    downtimeMs: index === steps ? maxMs : Math.floor(offset + base ** index),
  }));
}

/** The pause that the guest may have by now, in ms. */
export function downtimeAt(steps: readonly DowntimeStep[], elapsedSeconds: number): number {
  const reached = steps.filter(({ afterSeconds }) => afterSeconds <= elapsedSeconds);
  return (reached.at(-1) ?? steps[0])?.downtimeMs ?? 0;
}

/** A domain of an instance on one host, as a migration has to see it. */
export interface GuestSight {
  /** `absent`: no domain. `held`: stopped by a migration that sent its memory. `broken`: a post-copy broke off while it was needed. */
  readonly state: 'absent' | 'running' | 'paused' | 'held' | 'broken' | 'off' | 'moved away';
  /** What libvirt does with it. */
  readonly job: 'none' | 'migration out' | 'migration in' | 'other';
  /** Whether it goes on at its destination, which fetches the rest of its memory. */
  readonly isSwitched: boolean;
  /** What the last migration that ended cost, where libvirt still knows. */
  readonly completed: MigrationFigures | null;
}

/** What a migration cost. */
export interface MigrationFigures {
  readonly totalMs: number;
  /** How long the guest stood still; null: nobody measured. */
  readonly downtimeMs: number | null;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/**
 * How a migration ended, as its source sees it. `gone`: the guest is at the destination, which has to prove it. `here`: it runs, or is
 * paused, as before. `held`: it stands still, its memory was sent, and nobody told the source whether it runs there. `off`: it ended.
 */
export type SourceEnd = 'gone' | 'here' | 'held' | 'off';

/**
 * What the source's domain says of a migration of it. `wasPaused`: whether the guest was paused when it began, since libvirt says of a
 * guest that was saved and restored paused the same as of one whose memory was sent. libvirt keeps the job of a post-copy that broke off,
 * so that the state is asked first.
 *
 * | state | job | end |
 * |---|---|---|
 * | broken | any | broken |
 * | any other | migration out | moving |
 * | absent, moved away | none | gone |
 * | running, paused | none | here |
 * | held, and was not paused before | none | held |
 * | held, and was paused before | none | here |
 * | off | none | off |
 */
export function endAtSource({ state, job }: Pick<GuestSight, 'state' | 'job'>, wasPaused: boolean): SourceEnd | 'moving' | 'broken' {
  if (state === 'broken') return 'broken';
  if (job === 'migration out') return 'moving';
  switch (state) {
    case 'absent':
    case 'moved away':
      return 'gone';
    case 'running':
    case 'paused':
      return 'here';
    case 'held':
      return wasPaused ? 'here' : 'held';
    case 'off':
      return 'off';
  }
}

/**
 * Who has the guest after its migration, and what is therefore to be removed. `nobody`: it ended on both. `unknown`: the destination has
 * not said yet, or neither side is whole.
 */
export type Whose = 'source' | 'destination' | 'nobody' | 'unknown';

/**
 * Who has the guest, by what the source saw and what the destination shows. What the destination received and did not run is worth
 * nothing as long as the source has its guest. A source that is broken has switched over: it never has the guest again. libvirt keeps the
 * job of a destination that is broken, too, so that its state is asked first.
 *
 * | source | destination | whose |
 * |---|---|---|
 * | here | any | source |
 * | broken | broken | unknown |
 * | any other | broken | destination |
 * | any other | migration in goes on | unknown |
 * | any other | running | destination |
 * | gone | paused, held, off | destination |
 * | gone | absent, moved away | nobody |
 * | held | any other | source |
 * | off | any other | nobody |
 * | broken | paused, off | destination |
 * | broken | held | unknown |
 * | broken | absent, moved away | nobody |
 */
export function whoseAfter(source: SourceEnd | 'broken', { state, job }: Pick<GuestSight, 'state' | 'job'>): Whose {
  if (source === 'here') return 'source';
  if (state === 'broken') return source === 'broken' ? 'unknown' : 'destination';
  if (job === 'migration in') return 'unknown';
  if (state === 'running') return 'destination';
  const { [state]: found = otherwise[source] } = byStateThere[source];
  return found;
}

const otherwise = { gone: 'nobody', held: 'source', off: 'nobody', broken: 'nobody' } as const;

const byStateThere: Readonly<Record<keyof typeof otherwise, Partial<Record<GuestSight['state'], Whose>>>> = {
  gone: { paused: 'destination', held: 'destination', off: 'destination' },
  held: {},
  off: {},
  broken: { paused: 'destination', off: 'destination', held: 'unknown' },
};

import type { TaskState } from './instance.ts';

/** When a notification of an action is sent; an error ends it too: a failure, a cancel, a termination. */
export type ActionPhase = 'start' | 'end' | 'error';

/** The events that an operation on an instance is told by. */
export interface ActionEvents extends Readonly<Record<ActionPhase, string>> {
  /** Whether today's Nova sends the start and the end under these names; else they are made in its manner. */
  readonly areNovas: boolean;
}

/** Sent when the states of an instance change (Nova's `notify_on_state_change`). */
export const updateEvent = 'compute.instance.update';

/** What Nova tells apart within an operation: each stage by the task state with which it begins; null: nothing is told from there on. */
type Stages = Partial<Readonly<Record<TaskState, string | null>>>;

/** The stages of a resize: what comes before the guest is touched, the disks' way to the destination, and what is done there. */
export const stagesOfResize = {
  resize_prep: 'resize.prep',
  resize_migrating: 'resize',
  resize_migrated: null,
  resize_finish: 'finish_resize',
} as const satisfies Stages;

/** It begins with its first stage and ends with its last. */
const resize: ActionEvents = {
  start: phasesOf(stagesOfResize.resize_prep).start,
  end: phasesOf(stagesOfResize.resize_finish).end,
  error: phasesOf('resize').error,
  areNovas: true,
};

/**
 * The events of each operation, with Nova's names (its unversioned ones, odd spelling included); null: it is no action on an
 * instance. Nova has no error event for some of these actions; here each has one.
 */
export const actionEvents: Readonly<Record<string, ActionEvents | null>> = {
  buildInstance: novas('create'),
  deleteInstance: novas('delete'),
  softDeleteInstance: novas('soft_delete'),
  restoreInstance: novas('restore'),
  reclaimInstance: novas('delete'),
  startInstance: novas('power_on'),
  stopInstance: novas('power_off'),
  rebootInstance: novas('reboot'),
  pauseInstance: novas('pause'),
  unpauseInstance: novas('unpause'),
  suspendInstance: novas('suspend'),
  resumeInstance: novas('resume'),
  rescueInstance: novas('rescue'),
  unrescueInstance: novas('unrescue'),
  rebuildInstance: novas('rebuild'),
  evacuateInstance: ours('evacuate'),
  shelveInstance: novas('shelve'),
  unshelveInstance: novas('unshelve'),
  snapshotInstance: novas('snapshot'),
  backupInstance: novas('snapshot'),
  resizeInstance: resize,
  migrateInstance: resize,
  liveMigrateInstance: {
    start: 'compute.instance.live_migration.pre.start',
    end: 'compute.instance.live_migration._post.end',
    error: 'compute.instance.live_migration._rollback.end',
    areNovas: true,
  },
  attachVolume: ours('volume.attach'),
  detachVolume: ours('volume.detach'),
  attachInterface: ours('interface.attach'),
  detachInterface: ours('interface.detach'),
  triggerCrashDump: novas('trigger_crash_dump'),
  lockInstance: ours('lock'),
  unlockInstance: ours('unlock'),
  renameInstance: ours('rename'),
  setInstanceMetadata: ours('set_metadata'),
  setInstancePassword: ours('set_admin_password'),
  adoptInstance: ours('adopt'),
  getConsoleOutput: null,
  openConsole: null,
  getScreenshot: null,
  importImage: null,
  deleteImage: null,
  cacheImage: null,
  createNetwork: null,
  deleteNetwork: null,
  enableHost: null,
  disableHost: null,
  drainHost: null,
  auditHost: null,
  fenceHost: null,
  verify: null,
};

/** The second half of a resize, by the task state it begins with (Nova sets none to confirm). */
const confirmOfResize = novas('resize.confirm');
const revertOfResize = novas('resize.revert');

/** Of the action that a notification is about: the operation, the half of it, and the task state with which that began. */
export interface ActionPart {
  readonly type: string;
  readonly part: number;
  readonly firstTaskState: string | null;
  /** Which stage of it began or ended. Absent where none did, and in notifications of before 0.2. */
  readonly stage?: string;
}

/** The name of an action's event. An operation that the table does not know is told by its own name. */
export function eventOf({ type, part, firstTaskState, stage }: ActionPart, phase: ActionPhase): string {
  if (stage !== undefined && phase !== 'error') return phasesOf(stage)[phase];
  if (part > 1) return (firstTaskState === 'resize_reverting' ? revertOfResize : confirmOfResize)[phase];
  return (actionEvents[type] ?? ours(type))[phase];
}

/** The stages that a change of the task state ends and begins within an operation; a run that a reset took back ends none. */
export function stagesBetween(
  { type, part }: Pick<ActionPart, 'type' | 'part'>,
  from: TaskState | null,
  to: TaskState | null,
): { readonly ended: string | null; readonly begun: string | null } {
  const stages: Stages = part === 1 && actionEvents[type] === resize ? stagesOfResize : {};
  const stageOf = (state: TaskState | null) => (state === null ? null : (stages[state] ?? null));
  const order = Object.keys(stages);
  const isForward = order.indexOf(`${to}`) > order.indexOf(`${from}`);
  return { ended: isForward ? stageOf(from) : null, begun: from === to ? null : stageOf(to) };
}

function novas(action: string): ActionEvents {
  return { ...phasesOf(action), areNovas: true };
}

function ours(action: string): ActionEvents {
  return { ...phasesOf(action), areNovas: false };
}

function phasesOf(action: string): Record<ActionPhase, string> {
  const event = `compute.instance.${action}`;
  return { start: `${event}.start`, end: `${event}.end`, error: `${event}.error` };
}

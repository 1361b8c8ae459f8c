/** When a notification of an action is sent; an error ends it too: a failure, a cancel, a termination. */
export type ActionPhase = 'start' | 'end' | 'error';

/** The events that an operation on an instance is told by. */
export interface ActionEvents extends Readonly<Record<ActionPhase, string>> {
  /** Whether today's Nova sends the start and the end under these names; else they are made in its manner. */
  readonly areNovas: boolean;
}

/** Sent when the states of an instance change (Nova's `notify_on_state_change`). */
export const updateEvent = 'compute.instance.update';

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
  resizeInstance: novas('resize'),
  migrateInstance: novas('resize'),
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
}

/** The name of an action's event. An operation that the table does not know is told by its own name. */
export function eventOf({ type, part, firstTaskState }: ActionPart, phase: ActionPhase): string {
  if (part > 1) return (firstTaskState === 'resize_reverting' ? revertOfResize : confirmOfResize)[phase];
  return (actionEvents[type] ?? ours(type))[phase];
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

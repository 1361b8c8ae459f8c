import {
  DomainState,
  ErrorCode,
  isLibvirtError,
  JobOperation,
  JobStats,
  JobType,
  type Libvirt,
  LibvirtError,
  PausedReason,
  RunningReason,
  ShutoffReason,
  valuesOf,
} from '../../libvirt/index.ts';
import type { GuestSight, MigrationFigures } from '../../model/live-migration/sight.ts';
import { isNoDomain } from '../failures.ts';

/** A domain as it is, and what libvirt's job of it says of itself. */
export interface JobSight extends GuestSight {
  readonly stats: ReadonlyMap<string, unknown>;
}

const absent: JobSight = { state: 'absent', job: 'none', isSwitched: false, completed: null, stats: new Map() };

/** The domain of an instance as a migration has to see it. The job is looked at first: one that ends meanwhile is seen with its result. */
export async function sightOf(libvirt: Libvirt, uuid: string): Promise<JobSight> {
  const dom = { uuid };
  try {
    const { job, stats } = await jobOf(libvirt, uuid);
    const { state, reason } = await libvirt.domainGetState({ dom });
    return { state: stateOf(state, reason, job), job, isSwitched: isSwitched(state, reason), completed: null, stats };
  } catch (error) {
    if (isNoDomain(error)) return absent;
    throw error;
  }
}

/** The same with what the last migration cost, where libvirt still knows. */
export async function sightWithFigures(libvirt: Libvirt, uuid: string): Promise<GuestSight> {
  const { stats: _stats, ...sight } = await sightOf(libvirt, uuid);
  return { ...sight, completed: sight.job === 'none' ? await figuresOf(libvirt, uuid) : null };
}

function stateOf(state: number, reason: number, job: GuestSight['job']): GuestSight['state'] {
  switch (state) {
    case DomainState.running:
    case DomainState.blocked:
      return reason === RunningReason.postCopyFailed ? 'broken' : 'running';
    case DomainState.shutdown:
    case DomainState.pmSuspended:
      return 'running';
    case DomainState.paused:
      return pausedAs(reason, job);
    case DomainState.shutoff:
      return reason === ShutoffReason.migrated ? 'moved away' : 'off';
    default:
      return 'off';
  }
}

function pausedAs(reason: number, job: GuestSight['job']): GuestSight['state'] {
  if (reason === PausedReason.postCopyFailed) return 'broken';
  // Nobody sends any more what the destination needs.
  if (reason === PausedReason.postCopy) return job === 'none' ? 'broken' : 'held';
  return reason === PausedReason.migration ? 'held' : 'paused';
}

function isSwitched(state: number, reason: number): boolean {
  if (state === DomainState.running) return reason === RunningReason.postCopy || reason === RunningReason.postCopyFailed;
  return state === DomainState.paused && (reason === PausedReason.postCopy || reason === PausedReason.postCopyFailed);
}

async function jobOf(libvirt: Libvirt, uuid: string): Promise<Pick<JobSight, 'job' | 'stats'>> {
  try {
    const { type, params } = await libvirt.domainGetJobStats({ dom: { uuid } });
    const stats = valuesOf(params);
    return { job: type === JobType.none ? 'none' : jobNamed(stats.get('operation')), stats };
  } catch (error) {
    // libvirt 9 has no statistics of what comes in.
    if (isLibvirtError(error, ErrorCode.operationUnsupported)) return { job: 'migration in', stats: new Map() };
    if (isLibvirtError(error, ErrorCode.operationInvalid)) return { job: 'none', stats: new Map() };
    throw error;
  }
}

function jobNamed(operation: unknown): GuestSight['job'] {
  if (operation === JobOperation.migrationOut) return 'migration out';
  return operation === JobOperation.migrationIn ? 'migration in' : 'other';
}

async function figuresOf(libvirt: Libvirt, uuid: string): Promise<MigrationFigures | null> {
  try {
    const { type, params } = await libvirt.domainGetJobStats({ dom: { uuid }, flags: JobStats.completed | JobStats.keepCompleted });
    const stats = valuesOf(params);
    const operation = jobNamed(stats.get('operation'));
    if (type !== JobType.completed || operation === 'other') return null;
    const number = (name: string) => Number(stats.get(name) ?? 0);
    return {
      totalMs: number('time_elapsed'),
      downtimeMs: stats.has('downtime') ? number('downtime') : null,
      memoryBytes: number('memory_processed'),
      diskBytes: number('disk_processed'),
    };
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    return null; // figures that libvirt does not have are no reason to fail
  }
}

import type { Resources } from '../model/flavor.ts';
import type { Candidate } from './candidate.ts';

/** What a host is wanted for. */
export interface PlacementRequest extends Resources {
  /** Absent: any zone. */
  readonly availabilityZone?: string;
}

/** Lets a host pass (null), or says in a sentence why it cannot take the request. */
export interface Filter {
  /** The name that `NoValidHost` shows. */
  readonly name: string;
  readonly refusal: (candidate: Candidate, request: PlacementRequest) => string | null;
}

/** The filters in the order in which they run; the first that refuses is the one that is reported. */
export const filters: readonly Filter[] = [
  { name: 'up', refusal: ifDown },
  { name: 'enabled', refusal: ifDisabled },
  { name: 'availabilityZone', refusal: ifInAnotherZone },
  { name: 'vcpus', refusal: (candidate, request) => ifTooSmall(candidate, 'vcpus', 'vCPUs', request.vcpus) },
  { name: 'memory', refusal: (candidate, request) => ifTooSmall(candidate, 'memoryMiB', 'MiB of memory', request.memoryMiB) },
  { name: 'disk', refusal: (candidate, request) => ifTooSmall(candidate, 'diskGiB', 'GiB of disk', request.diskGiB) },
];

function ifDown({ host, state, downReason }: Candidate): string | null {
  return state === 'up' ? null : `${host} is down${because(downReason)}`;
}

function ifDisabled({ host, enabled, disabledReason }: Candidate): string | null {
  return enabled ? null : `${host} is disabled${because(disabledReason)}`;
}

function ifInAnotherZone({ host, availabilityZone }: Candidate, { availabilityZone: wanted }: PlacementRequest): string | null {
  if (wanted === undefined || wanted === availabilityZone) return null;
  return `${host} is in ${availabilityZone === null ? 'no availability zone' : `zone ${availabilityZone}`}, ${wanted} is wanted`;
}

function ifTooSmall(candidate: Candidate, resource: keyof Resources, unit: string, wanted: number): string | null {
  const free = candidate.free[resource];
  return wanted <= free ? null : `${candidate.host} has ${free} of ${candidate.capacity[resource]} ${unit} free, ${wanted} wanted`;
}

function because(reason: string | null): string {
  return reason === null ? '' : `: ${reason}`;
}

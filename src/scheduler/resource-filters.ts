import { cpusOf } from '../model/cpus/guest-cpus.ts';
import type { Resources } from '../model/flavor.ts';
import type { Candidate } from './candidate.ts';
import type { Check, Filter } from './filter.ts';

/** What no setting turns off: Nova's ComputeFilter, and what it asks of placement. */
export const resourceFilters: readonly Filter[] = [
  { name: 'up', checkFor: () => ifDown },
  { name: 'enabled', checkFor: () => ifDisabled },
  { name: 'availabilityZone', checkFor: ({ availabilityZone: zone = null }) => (zone === null ? null : ifNotIn(zone)) },
  {
    name: 'vcpus',
    checkFor: (request) => (request.dedicatedCpus === undefined ? ifTooSmall('vcpus', 'vCPUs', request) : ifTooFewDedicated(request)),
  },
  { name: 'memory', checkFor: (request) => ifTooSmall('memoryMiB', 'MiB of memory', request) },
  { name: 'disk', checkFor: (request) => ifTooSmall('diskGiB', 'GiB of disk', request) },
];

function ifDown({ host, state, downReason }: Candidate): string | null {
  return state === 'up' ? null : `${host} is down${because(downReason)}`;
}

function ifDisabled({ host, enabled, disabledReason }: Candidate): string | null {
  return enabled ? null : `${host} is disabled${because(disabledReason)}`;
}

function ifNotIn(wanted: string): Check {
  return ({ host, availabilityZone }) => {
    if (wanted === availabilityZone) return null;
    return `${host} is in ${availabilityZone === null ? 'no availability zone' : `zone ${availabilityZone}`}, ${wanted} is wanted`;
  };
}

function ifTooSmall(resource: keyof Resources, unit: string, { [resource]: wanted }: Resources): Check {
  return ({ host, free, capacity }) =>
    wanted <= free[resource] ? null : `${host} has ${free[resource]} of ${capacity[resource]} ${unit} free, ${wanted} wanted`;
}

/** Placement's PCPU: how they lie on cores is the business of `numaTopology`, and of the claim. */
function ifTooFewDedicated({ vcpus }: Resources): Check {
  return ({ host, dedicatedCpus, freeCores }) => {
    const free = cpusOf(freeCores).length;
    return vcpus <= free ? null : `${host} has ${free} of ${dedicatedCpus} dedicated CPUs free, ${vcpus} wanted`;
  };
}

function because(reason: string | null): string {
  return reason === null ? '' : `: ${reason}`;
}

import type { WantedCpus } from '../model/cpus/given-cpus.ts';
import { cpusOf } from '../model/cpus/guest-cpus.ts';
import type { Resources } from '../model/flavor.ts';
import { vcpusOf } from '../model/host.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import type { Candidate } from './candidate.ts';
import type { Check, Filter } from './filter.ts';

/** What no setting turns off: Nova's ComputeFilter, and what it asks of placement. */
export const resourceFilters: readonly Filter[] = [
  { name: 'up', checkFor: () => ifDown },
  { name: 'enabled', checkFor: () => ifDisabled },
  { name: 'availabilityZone', checkFor: ({ availabilityZone: zone = null }) => (zone === null ? null : ifNotIn(zone)) },
  { name: 'vcpus', checkFor: ifTooFewCpus },
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

/** Those that are shared (placement's VCPU), and those that it is to have for itself. */
function ifTooFewCpus(request: PlacementRequest): Check {
  const { shared, alone } = vcpusOf(request);
  const ifShared = ifTooSmall('vcpus', 'vCPUs', { ...request, vcpus: shared });
  if (alone === null) return ifShared;
  const ifDedicated = ifTooFewDedicated(alone);
  return (candidate) => (shared === 0 ? null : ifShared(candidate)) ?? ifDedicated(candidate);
}

function ifTooSmall(resource: keyof Resources, unit: string, { [resource]: wanted }: Resources): Check {
  return ({ host, free, capacity }) =>
    wanted <= free[resource] ? null : `${host} has ${free[resource]} of ${capacity[resource]} ${unit} free, ${wanted} wanted`;
}

/** Placement's PCPU: how they lie on cores is the business of `numaTopology`, and of the claim. */
function ifTooFewDedicated({ vcpus }: WantedCpus): Check {
  return ({ host, dedicatedCpus, freeCores }) => {
    const free = cpusOf(freeCores).length;
    return vcpus <= free ? null : `${host} has ${free} of ${dedicatedCpus} dedicated CPUs free, ${vcpus} wanted`;
  };
}

function because(reason: string | null): string {
  return reason === null ? '' : `: ${reason}`;
}

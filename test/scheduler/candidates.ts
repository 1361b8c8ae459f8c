import { type Candidate, type CandidateSource, completed } from '../../src/scheduler/candidate.ts';
import { defaultFilters, type FilterSettings, filtersWith } from '../../src/scheduler/filters.ts';
import type { SelectOptions } from '../../src/scheduler/select-host.ts';
import { defaultMultipliers, type WeigherSettings, weighersWith } from '../../src/scheduler/weighers.ts';
import { inventory } from '../model/hosts.ts';

/** A record of a host that is up, with nothing on it. */
export const candidateSource: CandidateSource = {
  name: 'cn1',
  state: 'up',
  downReason: null,
  enabled: true,
  disabledReason: null,
  availabilityZone: null,
  address: '192.0.2.1',
  inventory,
  reserved: { vcpus: 0, memoryMiB: 0, diskGiB: 0 },
  ratios: { vcpus: 1, memory: 1, disk: 1 },
  claims: [],
  failedBuilds: 0,
  metrics: {},
};

/** A host that is up, enabled and empty: 8 vCPUs, 4096 MiB, 100 GiB. */
export function candidate(host: string, changes: Partial<Candidate> = {}): Candidate {
  const capacity = { vcpus: 8, memoryMiB: 4096, diskGiB: 100 };
  return completed({ host, state: 'up', address: `${host}.example.org`, capacity, free: capacity, ...changes });
}

/** What the configuration says when nobody wrote anything. */
export const settings: FilterSettings & WeigherSettings = {
  enabledFilters: defaultFilters,
  maxIoOpsPerHost: 8,
  maxInstancesPerHost: 50,
  isolatedHosts: [],
  isolatedImages: [],
  restrictIsolatedHostsToIsolatedImages: true,
  pciAliases: {},
  multipliers: defaultMultipliers,
  metrics: { weights: {}, required: true, weightOfUnavailable: -10_000 },
  imagePropertyWeights: {},
};

/** How hosts are chosen by default, but for these multipliers and options. */
export function options(multipliers: Partial<WeigherSettings['multipliers']> = {}, others: Partial<SelectOptions> = {}): SelectOptions {
  const weighers = weighersWith({ ...settings, multipliers: { ...defaultMultipliers, ...multipliers } });
  return { filters: filtersWith(settings), weighers, ...others };
}

import { type Claim, capacityOf, dedicatedCpusOf, freeOf, type Host, usedBy } from '../model/host.ts';

/** Everything that a candidate is made from: a host's record has it. */
export type CandidateSource = Pick<
  Host,
  | 'name'
  | 'state'
  | 'downReason'
  | 'enabled'
  | 'disabledReason'
  | 'availabilityZone'
  | 'address'
  | 'inventory'
  | 'reserved'
  | 'ratios'
  | 'claims'
  | 'failedBuilds'
  | 'metrics'
>;

/**
 * What placement has to know of a host (Nova's `HostState`): a host's record keeps it in its memo, so that one list call
 * brings all candidates. A line here is all that a new property of hosts takes.
 */
export type Candidate = Readonly<ReturnType<typeof candidateOf>>;

/** The candidate that a host's record stands for. */
export function candidateOf(host: CandidateSource) {
  const { inventory, claims } = host;
  const capacity = capacityOf(host);
  const dedicatedCpus = dedicatedCpusOf(host);
  return {
    host: host.name,
    state: host.state,
    downReason: host.downReason,
    enabled: host.enabled,
    disabledReason: host.disabledReason,
    availabilityZone: host.availabilityZone,
    address: host.address,
    /** What may be claimed in all, ratios and reserved amounts counted in. */
    capacity,
    /** What is left of it; negative when an operator lowered a ratio below what is taken. */
    free: freeOf(capacity, usedBy(claims)),
    /** CPUs that guests may have for themselves, and the cores with those of them that nobody has. No ratio applies to them. */
    dedicatedCpus: dedicatedCpus.total,
    freeCores: dedicatedCpus.free,
    architecture: inventory.architecture,
    hypervisor: inventory.hypervisor,
    hypervisorVersion: inventory.hypervisorVersion,
    cpuModel: inventory.cpuModel,
    cpuFeatures: inventory.cpuFeatures,
    numa: inventory.numa.map(({ memoryMiB, cpus }) => ({ memoryMiB, cpus: cpus.length })),
    pciDevices: inventory.pciDevices,
    /** Ids of the instances that hold something here. */
    instances: [...new Set(claims.map(({ instanceId }) => instanceId))],
    instancesByProject: countOf(claims.flatMap(({ projectId }) => projectId ?? [])),
    /** Instances that are built here; whoever lists candidates adds those that are copied. */
    numIoOps: claims.filter(({ ioTask }) => ioTask !== undefined).length,
    failedBuilds: host.failedBuilds,
    metrics: host.metrics,
    /** How many instances have an image with the property, by `name=value`. */
    imageProperties: countOf(claims.flatMap(propertiesOf)),
  };
}

function propertiesOf({ imageProperties }: Claim): readonly string[] {
  return Object.entries(imageProperties ?? {}).map(([name, value]) => `${name}=${value}`);
}

function countOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** A candidate as a list has it: what the record of an earlier release did not write into its memo yet is that of an empty host. */
export function completed(listed: Partial<Candidate> & Pick<Candidate, 'host'>): Candidate {
  return { ...blank, ...listed };
}

const nothing = { vcpus: 0, memoryMiB: 0, diskGiB: 0 };

const blank = candidateOf({
  name: '',
  state: 'down',
  downReason: null,
  enabled: true,
  disabledReason: null,
  availabilityZone: null,
  address: '',
  inventory: {
    ...nothing,
    architecture: 'unknown',
    cpuModel: 'unknown',
    cpuFeatures: [],
    hypervisor: 'qemu',
    hypervisorVersion: '0.0.0',
    libvirtVersion: '0.0.0',
    numa: [],
    pciDevices: [],
  },
  reserved: nothing,
  ratios: { vcpus: 1, memory: 1, disk: 1 },
  claims: [],
  failedBuilds: 0,
  metrics: {},
});

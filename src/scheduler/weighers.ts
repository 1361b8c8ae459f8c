import type { PlacementRequest } from '../model/placement-request.ts';
import type { Candidate } from './candidate.ts';
import { type MetricWeights, metricsOf } from './metrics.ts';
import type { Bounds } from './normalise.ts';
import { versionNumber } from './versions.ts';

/** How good a host is in one respect: a raw value, and the bounds it is normalised with. */
export interface Weigher extends Bounds {
  readonly name: WeigherName;
  readonly rawOf: (candidate: Candidate, request: PlacementRequest) => number;
  /** Times the normalised value; negative prefers small values, 0 takes no part. */
  readonly multiplier: number;
}

/** Nova's multipliers by the names of the weighers. */
export const defaultMultipliers = {
  ram: 1,
  cpu: 1,
  disk: 1,
  ioOps: -1,
  numInstances: 0,
  hypervisorVersion: 1,
  pci: 1,
  buildFailure: -1_000_000,
  imageProperties: 0,
  metrics: 1,
} as const;

export type WeigherName = keyof typeof defaultMultipliers;

/** What weighers are told by the configuration. */
export interface WeigherSettings {
  readonly multipliers: Readonly<Record<WeigherName, number>>;
  readonly metrics: MetricWeights;
  /** How much a shared property of an image counts; empty: each counts 1. */
  readonly imagePropertyWeights: Readonly<Record<string, number>>;
}

/** More free PCI devices than this make no difference (Nova's `MAX_DEVS`). */
const maxPciDevices = 100;

/** Nova's weighers with the multipliers of the configuration; those that take no part are left out. */
export function weighersWith({ multipliers, metrics, imagePropertyWeights }: WeigherSettings): readonly Weigher[] {
  const atLeast0 = { lowest: 0, highest: null };
  const unbounded = { lowest: null, highest: null };
  const all: readonly Omit<Weigher, 'multiplier'>[] = [
    { name: 'ram', rawOf: ({ free }) => free.memoryMiB, ...atLeast0 },
    { name: 'cpu', rawOf: ({ free }) => free.vcpus, ...atLeast0 },
    { name: 'disk', rawOf: ({ free }) => free.diskGiB, ...atLeast0 },
    { name: 'ioOps', rawOf: ({ numIoOps }) => numIoOps, ...atLeast0 },
    { name: 'numInstances', rawOf: ({ instances }) => instances.length, ...unbounded },
    { name: 'hypervisorVersion', rawOf: ({ hypervisorVersion }) => versionNumber(hypervisorVersion), ...unbounded },
    // Hosts with devices are kept for those who ask for them, and these are packed.
    { name: 'pci', rawOf: ({ pciDevices }) => maxPciDevices - Math.min(pciDevices.length, maxPciDevices - 1), ...unbounded },
    { name: 'buildFailure', rawOf: ({ failedBuilds }) => failedBuilds, ...unbounded },
    { name: 'imageProperties', rawOf: (candidate, request) => sharedProperties(candidate, request, imagePropertyWeights), ...unbounded },
    { name: 'metrics', rawOf: (candidate) => metricsOf(candidate, metrics), ...unbounded },
  ];
  const hasMetrics = Object.keys(metrics.weights).length > 0;
  return all
    .map((weigher) => ({ ...weigher, multiplier: multipliers[weigher.name] }))
    .filter(({ name, multiplier }) => multiplier !== 0 && (name !== 'metrics' || hasMetrics));
}

/** Properties that the request's image has in common with those of the instances here, each counted as often as it is here. */
function sharedProperties({ imageProperties }: Candidate, { image }: PlacementRequest, weights: Readonly<Record<string, number>>): number {
  const everyCounts = Object.keys(weights).length === 0 ? 1 : 0;
  let sum = 0;
  for (const [name, value] of Object.entries(image?.properties ?? {})) {
    sum += (imageProperties[`${name}=${value}`] ?? 0) * (weights[name] ?? everyCounts);
  }
  return sum;
}

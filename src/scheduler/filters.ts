import { computeCapabilities, imageProperties, numaTopology } from './capability-filters.ts';
import type { Filter } from './filter.ts';
import { differentHost, sameHost, simpleCidrAffinity } from './hint-filters.ts';
import { ioOps, isolatedHosts, type Limits, numInstances } from './limit-filters.ts';
import { type MetricWeights, metricsThere } from './metrics.ts';
import { type PciAliases, pciPassthrough } from './pci-filter.ts';
import { resourceFilters } from './resource-filters.ts';

/** The filters that `scheduler.enabledFilters` may name, in the order in which they run. */
export const optionalFilters = [
  'computeCapabilities',
  'imageProperties',
  'sameHost',
  'differentHost',
  'simpleCidrAffinity',
  'isolatedHosts',
  'numaTopology',
  'pciPassthrough',
  'metrics',
  'ioOps',
  'numInstances',
] as const;

export type OptionalFilter = (typeof optionalFilters)[number];

/**
 * Those that run unless the configuration says otherwise: Nova's, and those that act only on what a request or the
 * configuration asks for, so that nothing of a request is ignored.
 */
export const defaultFilters: readonly OptionalFilter[] = optionalFilters.filter((name) => name !== 'ioOps' && name !== 'numInstances');

/** What filters are told by the configuration. */
export interface FilterSettings extends Limits {
  readonly enabledFilters: readonly OptionalFilter[];
  readonly pciAliases: PciAliases;
  readonly metrics: MetricWeights;
}

/** The filters in the order in which they run; the first that refuses is the one that is reported. */
export function filtersWith(settings: FilterSettings): readonly Filter[] {
  const optional: Readonly<Record<OptionalFilter, Filter>> = {
    computeCapabilities,
    imageProperties,
    sameHost,
    differentHost,
    simpleCidrAffinity,
    isolatedHosts: isolatedHosts(settings),
    numaTopology,
    pciPassthrough: pciPassthrough(settings.pciAliases),
    metrics: metricsThere(settings.metrics),
    ioOps: ioOps(settings),
    numInstances: numInstances(settings),
  };
  return [...resourceFilters, ...optionalFilters.filter((name) => settings.enabledFilters.includes(name)).map((name) => optional[name])];
}

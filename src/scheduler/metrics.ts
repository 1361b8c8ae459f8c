import type { Candidate } from './candidate.ts';
import type { Filter } from './filter.ts';

/** How metrics of hosts count (Nova's section `[metrics]`). */
export interface MetricWeights {
  /** A factor by metric; empty: metrics take no part. */
  readonly weights: Readonly<Record<string, number>>;
  /** Whether a host that lacks one of them is filtered out. */
  readonly required: boolean;
  /** What a host weighs that lacks one and is not filtered out. */
  readonly weightOfUnavailable: number;
}

/** Nova's MetricsFilter: where metrics are required, hosts have all that count. */
export function metricsThere({ weights, required }: MetricWeights): Filter {
  const names = Object.keys(weights);
  return {
    name: 'metrics',
    checkFor: () => {
      if (!required || names.length === 0) return null;
      return ({ host, metrics }) => {
        const missing = names.find((name) => metrics[name] === undefined);
        return missing === undefined ? null : `${host} reports no metric ${missing}`;
      };
    },
  };
}

/** Nova's MetricsWeigher: the sum of the metrics, each times its factor. */
export function metricsOf({ metrics }: Candidate, { weights, weightOfUnavailable }: MetricWeights): number {
  let sum = 0;
  for (const [name, factor] of Object.entries(weights)) {
    const value = metrics[name];
    if (value === undefined) return weightOfUnavailable;
    sum += value * factor;
  }
  return sum;
}

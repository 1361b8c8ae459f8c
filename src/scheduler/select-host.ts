import type { PlacementRequest } from '../model/placement-request.ts';
import type { Candidate } from './candidate.ts';
import type { Decision, RankedHost, RemovedHost, Weight } from './decision.ts';
import type { Check, Filter } from './filter.ts';
import { normalise } from './normalise.ts';
import type { Weigher } from './weighers.ts';

export interface SelectOptions {
  readonly filters: readonly Filter[];
  readonly weighers: readonly Weigher[];
  /** @default 2, which with the winner makes Nova's `max_attempts` */
  readonly maxAlternates?: number;
  /** The winner is drawn from the best so many hosts. @default 1 */
  readonly hostSubsetSize?: number;
  /** Whether hosts that weigh as much as the best come in an order that is drawn. @default false: by name */
  readonly shuffleBestSameWeighedHosts?: boolean;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** @default 10 */
  readonly maxRanked?: number;
  /** @default 50 */
  readonly maxRemoved?: number;
}

/**
 * Chooses a host for `request`: filters, then weighs what is left. Unless hosts are drawn, the same candidates give the same
 * decision in whatever order they come: hosts of equal weight go by name.
 */
export function selectHosts(request: PlacementRequest, candidates: readonly Candidate[], options: SelectOptions): Decision {
  const byName = candidates.toSorted((a, b) => compareNames(a.host, b.host));
  const { left, removed } = filtered(byName, request, options.filters);
  const ranked = ranking(left, request, options.weighers);
  const order = drawn(ranked, options);
  const [winner, ...others] = order.map(({ host }) => host);
  return {
    winner: winner ?? null,
    alternates: others.slice(0, options.maxAlternates ?? 2),
    candidates: candidates.length,
    filters: options.filters.map(({ name }) => name),
    ranked: ranked.slice(0, options.maxRanked ?? 10).map(({ host, total, weights }) => ({ host, total, weights: weights() })),
    removed: removed.slice(0, options.maxRemoved ?? 50),
    removedBy: countByFilter(removed),
  };
}

function filtered(
  candidates: readonly Candidate[],
  request: PlacementRequest,
  filters: readonly Filter[],
): { left: readonly Candidate[]; removed: readonly RemovedHost[] } {
  const checks = filters.flatMap(({ name, checkFor }) => {
    const check = checkFor(request);
    return check === null ? [] : [{ filter: name, check }];
  });
  const left: Candidate[] = [];
  const removed: RemovedHost[] = [];
  for (const candidate of candidates) {
    const removal = removalOf(candidate, checks);
    if (removal === null) left.push(candidate);
    else removed.push(removal);
  }
  return { left, removed };
}

function removalOf(candidate: Candidate, checks: readonly { filter: string; check: Check }[]): RemovedHost | null {
  for (const { filter, check } of checks) {
    const reason = check(candidate);
    if (reason !== null) return { host: candidate.host, filter, reason };
  }
  return null;
}

/** A host with its total; its parts are told when asked for: of a thousand hosts ten are. */
interface Ranked extends Omit<RankedHost, 'weights'> {
  readonly weights: () => readonly Weight[];
}

/** Best first. A stable sort keeps the order of names where totals are equal. */
function ranking(candidates: readonly Candidate[], request: PlacementRequest, weighers: readonly Weigher[]): readonly Ranked[] {
  if (candidates.length < 2) return candidates.map(({ host }) => ({ host, total: 0, weights: () => [] }));
  const columns = weighers.map(({ name, rawOf, multiplier, ...bounds }) => {
    const raw = candidates.map((candidate) => rawOf(candidate, request));
    return { weigher: name, multiplier, raw, normalised: normalise(raw, bounds) };
  });
  return candidates
    .map(({ host }, row) => ({
      host,
      total: columns.reduce((sum, { normalised, multiplier }) => sum + (normalised[row] ?? 0) * multiplier, 0),
      weights: () =>
        columns.map(({ weigher, multiplier, raw, normalised }): Weight => {
          const part = normalised[row] ?? 0;
          return { weigher, raw: raw[row] ?? 0, normalised: part, multiplier, weight: part === 0 ? 0 : part * multiplier };
        }),
    }))
    .sort((a, b) => b.total - a.total);
}

/** The order in which hosts are tried: as they rank, but for what chance may change of it. */
function drawn(
  ranked: readonly Ranked[],
  { shuffleBestSameWeighedHosts = false, hostSubsetSize = 1, random = Math.random }: SelectOptions,
): readonly Ranked[] {
  const best = ranked.findIndex(({ total }) => total !== ranked[0]?.total);
  const equals = best === -1 ? ranked.length : best;
  const order = shuffleBestSameWeighedHosts ? [...shuffled(ranked.slice(0, equals), random), ...ranked.slice(equals)] : [...ranked];
  const subset = Math.min(hostSubsetSize, order.length);
  if (subset < 2) return order;
  const winner = order.splice(Math.floor(random() * subset), 1);
  return [...winner, ...order];
}

/** Fisher and Yates's shuffle. */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(Math.floor(random() * left.length), 1));
}

function countByFilter(removed: readonly RemovedHost[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { filter } of removed) counts[filter] = (counts[filter] ?? 0) + 1;
  return counts;
}

/** By code unit: the order does not depend on the locale of the worker. */
function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

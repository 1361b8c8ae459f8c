import type { Candidate } from './candidate.ts';
import { filters, type PlacementRequest } from './filters.ts';
import { normalise, type Weigher, weighers } from './weighers.ts';

/** One weigher's part in a host's total. */
export interface Weight {
  readonly weigher: string;
  readonly raw: number;
  readonly normalised: number;
  readonly multiplier: number;
  /** `normalised × multiplier`. */
  readonly weight: number;
}

export interface RankedHost {
  readonly host: string;
  readonly total: number;
  /** Empty when it was the only host left: then nothing is weighed, as in Nova. */
  readonly weights: readonly Weight[];
}

export interface RemovedHost {
  readonly host: string;
  readonly filter: string;
  readonly reason: string;
}

/** Which host was chosen and why: plain data for a history, short for any number of hosts. */
export interface Decision {
  /** Null when no host was left. */
  readonly winner: string | null;
  /** Where to go next when the winner's record refuses the claim, best first. */
  readonly alternates: readonly string[];
  /** The best hosts with their weights, at most `maxRanked`. */
  readonly ranked: readonly RankedHost[];
  /** The first hosts that were removed, at most `maxRemoved`. */
  readonly removed: readonly RemovedHost[];
  /** How many hosts each filter removed, those that `removed` leaves out too. */
  readonly removedBy: Readonly<Record<string, number>>;
}

export interface SelectOptions {
  /** @default the built-in weighers */
  readonly weighers?: readonly Weigher[];
  /** @default 2, which with the winner makes Nova's `max_attempts` */
  readonly maxAlternates?: number;
  /** @default 10 */
  readonly maxRanked?: number;
  /** @default 50 */
  readonly maxRemoved?: number;
}

/**
 * Chooses a host for `request`: filters, then weighs what is left.
 * The same candidates give the same decision in whatever order they come: hosts of equal weight go by name.
 */
export function selectHosts(request: PlacementRequest, candidates: readonly Candidate[], options: SelectOptions = {}): Decision {
  const byName = candidates.toSorted((a, b) => compareNames(a.host, b.host));
  const removed: RemovedHost[] = [];
  const left: Candidate[] = [];
  for (const candidate of byName) {
    const removal = removalOf(candidate, request);
    if (removal === null) left.push(candidate);
    else removed.push(removal);
  }
  const ranked = rank(left, options.weighers ?? weighers);
  const [winner, ...others] = ranked.map(({ host }) => host);
  return {
    winner: winner ?? null,
    alternates: others.slice(0, options.maxAlternates ?? 2),
    ranked: ranked.slice(0, options.maxRanked ?? 10),
    removed: removed.slice(0, options.maxRemoved ?? 50),
    removedBy: countByFilter(removed),
  };
}

function removalOf(candidate: Candidate, request: PlacementRequest): RemovedHost | null {
  for (const { name, refusal } of filters) {
    const reason = refusal(candidate, request);
    if (reason !== null) return { host: candidate.host, filter: name, reason };
  }
  return null;
}

/** Best first. A stable sort keeps the order of names where totals are equal. */
function rank(candidates: readonly Candidate[], by: readonly Weigher[]): readonly RankedHost[] {
  if (candidates.length < 2) return candidates.map(({ host }) => ({ host, total: 0, weights: [] }));
  const columns = by.map((weigher) => weigh(candidates, weigher));
  return candidates
    .map(({ host }, row) => {
      const weights = columns.flatMap((column) => column[row] ?? []);
      return { host, total: weights.reduce((sum, { weight }) => sum + weight, 0), weights };
    })
    .sort((a, b) => b.total - a.total);
}

/** The weights that one weigher gives, in the order of the candidates. */
function weigh(candidates: readonly Candidate[], weigher: Weigher): readonly Weight[] {
  const raw = candidates.map(weigher.rawOf);
  const normalised = normalise(raw, weigher);
  return raw.map((value, row) => {
    const part = normalised[row] ?? 0;
    return { weigher: weigher.name, raw: value, normalised: part, multiplier: weigher.multiplier, weight: part * weigher.multiplier };
  });
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

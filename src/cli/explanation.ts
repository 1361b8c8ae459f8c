import { vcpusOf } from '../model/host.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import type { Decision, RemovedHost } from '../scheduler/decision.ts';
import { sheet, table } from './tables.ts';

/** A choice of hosts that an operation had made, with what it was made for and what became of it. */
export interface Choice {
  readonly at: string;
  readonly wanted: PlacementRequest;
  /** Hosts that were left out: they did not take the claim, or failed the build. */
  readonly turned: readonly RemovedHost[];
  /** Null when no host was left. */
  readonly decision: Decision | null;
  /** When no host was left: why, host by host. */
  readonly hosts: readonly RemovedHost[];
  /** The hosts that were asked for the claim, in their order; `refusal` is null where it was taken. */
  readonly claims: readonly { readonly host: string; readonly refusal: string | null }[];
}

/** Why an operation went where it went, from its run's history. */
export interface Explanation {
  readonly id: string;
  readonly runId: string;
  readonly type: string;
  readonly choices: readonly Choice[];
}

const maxReasons = 5;

/** An explanation as tables: filters, weights, and what was chosen. */
export function explanationText({ id, choices }: Explanation): string {
  if (choices.length === 0) return `${id} chose no host`;
  return choices.map((choice, index) => choiceText(choice, `choice ${index + 1} of ${choices.length}`)).join('\n\n');
}

function choiceText(choice: Choice, title: string): string {
  const { at, wanted, turned, decision } = choice;
  const removed = decision === null ? choice.hosts.filter(({ host }) => !turned.some((one) => one.host === host)) : decision.removed;
  const removedBy = decision?.removedBy ?? countOf(removed);
  const head = sheet([
    [title, at],
    ['wanted', wantedText(wanted)],
    ['left out', turned.length === 0 ? null : turned.map(({ reason }) => reason).join('\n')],
  ]);
  const filters = decision?.filters ?? Object.keys(removedBy);
  const rows = filters.map((filter) => [filter, `${removedBy[filter] ?? 0}`, reasonsText(removed, filter, removedBy[filter] ?? 0)]);
  return [
    head,
    ...(rows.length === 0 ? [] : [table(['FILTER', 'REMOVED', 'WHY'], rows)]),
    ...(decision === null ? [] : weightsTable(decision)),
    endOf(choice),
  ].join('\n\n');
}

function wantedText(wanted: PlacementRequest): string {
  const { vcpus, memoryMiB, diskGiB, availabilityZone, extraSpecs = {}, hints = {}, image } = wanted;
  const { alone } = vcpusOf(wanted);
  const pairs = (map: object) => Object.entries(map).map(([name, value]) => `${name} = ${value}`);
  return [
    `${vcpus} vCPUs${alone === null ? '' : `, ${alone.vcpus} with CPUs for themselves (${alone.threadPolicy})`}, ${memoryMiB} MiB of memory, ${diskGiB} GiB of disk`,
    ...(availabilityZone == null ? [] : [`zone ${availabilityZone}`]),
    ...pairs(extraSpecs),
    ...pairs(hints),
    ...pairs(image?.properties ?? {}),
  ].join('\n');
}

function reasonsText(removed: readonly RemovedHost[], filter: string, count: number): string {
  const reasons = removed.filter((one) => one.filter === filter).map(({ reason }) => reason);
  const more = count - Math.min(reasons.length, maxReasons);
  return [...reasons.slice(0, maxReasons), ...(more > 0 && reasons.length > 0 ? [`and ${more} more`] : [])].join('\n') || '-';
}

function weightsTable({ ranked }: Decision): readonly string[] {
  const rows = ranked.flatMap(({ host, total, weights }) => [
    ...weights.map(({ weigher, raw, normalised, multiplier, weight }) => [
      host,
      weigher,
      `${raw}`,
      normalised.toFixed(3),
      `${multiplier}`,
      weight.toFixed(3),
    ]),
    [host, weights.length === 0 ? 'the only one left' : 'total', '', '', '', total.toFixed(3)],
  ]);
  return [table(['HOST', 'WEIGHER', 'RAW', 'NORMALISED', 'MULTIPLIER', 'WEIGHT'], rows)];
}

function endOf({ decision, claims }: Choice): string {
  return sheet([
    ['winner', decision === null ? 'none: no host was left' : decision.winner],
    ['alternates', decision === null ? null : decision.alternates.join(', ') || 'none'],
    [
      'claims',
      claims.map(({ host, refusal }) => (refusal === null ? `${host} took it` : `${host} refused: ${refusal}`)).join('\n') || null,
    ],
  ]);
}

function countOf(removed: readonly RemovedHost[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { filter } of removed) counts[filter] = (counts[filter] ?? 0) + 1;
  return counts;
}

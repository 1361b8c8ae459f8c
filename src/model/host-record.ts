import { type Fence, fenced, isFenced } from './fences.ts';
import { type Claim, capacityOf, freeOf, type Host, type HostReport, shortage, usedBy } from './host.ts';
import type { Refused } from './refused.ts';

export interface HostState {
  /** Null until the first report of its compute worker. */
  readonly record: Host | null;
  readonly fences: readonly Fence[];
  /** The worker process that reported last, and the one that runs `attend`. */
  readonly reportedBy: string | null;
  readonly attendedBy: string | null;
}

/** A report and the worker process it comes from: a process that ends says nothing of the one that took its place. */
export interface Report {
  readonly session: string;
  /** Sent by `attend` as it starts. */
  readonly isAttending: boolean;
  readonly report: HostReport;
}

export interface ClaimRequest extends Claim {
  readonly generation: number;
}

export interface ReleaseRequest {
  /** All claims of the instance, or the one with this id. */
  readonly id?: string;
  readonly instanceId: string;
  readonly generation: number;
}

export const emptyHost: HostState = { record: null, fences: [], reportedBy: null, attendedBy: null };

/** The state that an earlier run left, of an earlier release perhaps: what that did not know yet is as on a new host. */
export function carriedOver({ record, ...state }: HostState): HostState {
  return {
    ...state,
    record: record === null ? null : { ...record, failedBuilds: record.failedBuilds ?? 0, metrics: record.metrics ?? {} },
  };
}

/** The state after its compute worker reported: what operators and claims decided stays. */
export function reported(state: HostState, name: string, { session, isAttending, report }: Report, at: string): HostState {
  const { unusable, metrics = {}, ...facts } = report;
  const old = state.record;
  const moved = old === null || (old.state === 'up') !== (unusable === null);
  return {
    ...state,
    reportedBy: session,
    attendedBy: isAttending ? session : state.attendedBy,
    record: counted({
      name,
      enabled: old?.enabled ?? true,
      disabledReason: old?.disabledReason ?? null,
      debts: old?.debts ?? [],
      claims: old?.claims ?? [],
      failedBuilds: old?.failedBuilds ?? 0,
      metrics,
      ...facts,
      state: unusable === null ? 'up' : 'down',
      downReason: unusable,
      stateSince: moved ? at : old.stateSince,
      reportedAt: at,
    }),
  };
}

/** The state after the worker that attended was heard no more. One that reported in the meantime keeps the host up. */
export function unattended(state: HostState, reason: string, at: string): HostState {
  const { record, attendedBy, reportedBy } = state;
  if (record === null || record.state === 'down' || attendedBy !== reportedBy) return state;
  return { ...state, record: { ...record, state: 'down', downReason: reason, stateSince: at } };
}

/** The state after an operator allowed or forbade new instances. */
export function enabled(state: HostState, isEnabled: boolean, reason: string | null): HostState {
  const { record } = state;
  return record === null ? state : { ...state, record: { ...record, enabled: isEnabled, disabledReason: isEnabled ? null : reason } };
}

/** Why the host does not take the claim, or null. A claim it has is taken again. */
export function refusalToClaim({ record, fences }: HostState, claim: ClaimRequest): Refused | null {
  if (record === null) return { type: 'HostNotFound', message: 'the host never reported' };
  if (isFenced(fences, claim.instanceId, claim.generation)) {
    return { type: 'StaleToken', message: `the claim of ${claim.instanceId} was released before` };
  }
  if (record.claims.some(({ id }) => id === claim.id)) return null;
  if (record.state === 'down') return { type: 'HostUnavailable', message: `${record.name} is down: ${record.downReason}` };
  if (!record.enabled)
    return { type: 'HostUnavailable', message: `${record.name} is disabled: ${record.disabledReason ?? 'no reason given'}` };
  const why = shortage(record.name, record.free, claim);
  return why === null ? null : { type: 'CapacityTaken', message: why };
}

/** The state with the claim in it, once. */
export function claimed(state: HostState, { generation: _generation, ...claim }: ClaimRequest): HostState {
  const { record } = state;
  if (record === null || record.claims.some(({ id }) => id === claim.id)) return state;
  return { ...state, record: counted({ ...record, claims: [...record.claims, claim] }) };
}

/** The state without the instance's claims; one of them that still travels is refused on arrival. */
export function unclaimed(state: HostState, { id, instanceId, generation }: ReleaseRequest): HostState {
  const { record } = state;
  if (record === null) return state;
  const isReleased = (claim: Claim) => claim.instanceId === instanceId && (id === undefined || claim.id === id);
  const claims = record.claims.filter((claim) => !isReleased(claim));
  return { ...state, record: counted({ ...record, claims }), fences: fenced(state.fences, instanceId, generation) };
}

function counted(host: Omit<Host, 'used' | 'free'>): Host {
  const used = usedBy(host.claims);
  return { ...host, used, free: freeOf(capacityOf(host), used) };
}

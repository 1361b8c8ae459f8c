import { givenCpus } from './cpus/given-cpus.ts';
import { type Fence, fenced, isFenced } from './fences.ts';
import {
  type Claim,
  capacityOf,
  dedicatedCpusOf,
  freeOf,
  type Host,
  type HostReport,
  usedBy,
  vcpusOf,
  type Wanted,
  whyNoRoom,
} from './host.ts';
import type { StorageRelation } from './instance.ts';
import type { Refused } from './refused.ts';
import type { Token } from './tenure.ts';

export interface HostState {
  /** Null until the first report of its compute worker. */
  readonly record: Host | null;
  readonly fences: readonly Fence[];
  /** The worker process that reported last, and the one that runs `attend`. */
  readonly reportedBy: string | null;
  readonly attendedBy: string | null;
  /** What the debts of the record are paid with: the operations that left something here. Absent: none. */
  readonly owed?: readonly OwedRemoval[];
}

/** An instance that a host has to remove when it can: the operation that made it could not wait for the host. */
export interface OwedRemoval {
  readonly instanceId: string;
  readonly token: Token;
  /** Where a deleted instance has addresses, which nobody gets before its guest is known to be off. Absent: it has none. */
  readonly networks?: readonly string[];
  /** The other hosts that may owe the same. */
  readonly others?: readonly string[];
  /** Whether the guest is known not to run here any more. */
  readonly isOff?: boolean;
  /** What a migration that was confirmed left here, and nothing else of the instance. Absent: all of it. */
  readonly migration?: LeftByMigration;
}

/** A source's copy: which migration put it aside, and how its directory stands to the one in which the instance lives on. */
export interface LeftByMigration {
  readonly id: string;
  readonly storage: StorageRelation;
}

/** A report and the worker process it comes from: a process that ends says nothing of the one that took its place. */
export interface Report {
  readonly session: string;
  /** Sent by `attend` as it starts. */
  readonly isAttending: boolean;
  readonly report: HostReport;
}

export interface ClaimRequest extends Omit<Claim, 'cpus'>, Wanted {
  readonly generation: number;
}

export interface ReleaseRequest {
  /** All claims of the instance, or the one with this id. */
  readonly id?: string;
  readonly instanceId: string;
  readonly generation: number;
  /** What was claimed for a build that failed through this host's fault. */
  readonly isFailedBuild?: boolean;
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
  const why = whyNoRoom(record, claim);
  return why === null ? null : { type: 'CapacityTaken', message: why };
}

/** The state with the claim in it, once, and with the CPUs that it gets for itself. */
export function claimed(state: HostState, request: ClaimRequest): HostState {
  const { record } = state;
  const { generation: _generation, dedicatedCpus: _dedicatedCpus, ...claim } = request;
  if (record === null || record.claims.some(({ id }) => id === claim.id)) return state;
  const { alone } = vcpusOf(request);
  if (alone === null) return { ...state, record: counted({ ...record, claims: [...record.claims, claim] }) };
  const cpus = givenCpus(dedicatedCpusOf(record).free, alone);
  if (cpus === null) return state; // refused before
  return { ...state, record: counted({ ...record, claims: [...record.claims, { ...claim, cpus }] }) };
}

/** The state without the instance's claims; one of them that still travels is refused on arrival. */
export function unclaimed(state: HostState, { id, instanceId, generation, isFailedBuild }: ReleaseRequest): HostState {
  const { record } = state;
  if (record === null) return state;
  const isReleased = (claim: Claim) => claim.instanceId === instanceId && (id === undefined || claim.id === id);
  const claims = record.claims.filter((claim) => !isReleased(claim));
  const isCounted = isFailedBuild === true && claims.length < record.claims.length; // once, however often it is released
  const failedBuilds = record.failedBuilds + (isCounted ? 1 : 0);
  const next = { ...state, record: counted({ ...record, claims, failedBuilds }), fences: fenced(state.fences, instanceId, generation) };
  // Who gives back all that an instance holds here has seen to what is left of it.
  return id === undefined ? withoutDebt(next, instanceId, generation) : next;
}

/** The state after an instance came to rest: it keeps no disks busy, and a build of it was no failure. */
export function settled(state: HostState, { instanceId }: { readonly instanceId: string }): HostState {
  const { record } = state;
  const isBusy = (claim: Claim) => claim.instanceId === instanceId && claim.ioTask !== undefined;
  if (record === null || !record.claims.some(isBusy)) return state;
  const claims = record.claims.map(({ ioTask, ...claim }) =>
    claim.instanceId === instanceId || ioTask === undefined ? claim : { ...claim, ioTask },
  );
  return { ...state, record: { ...record, claims, failedBuilds: 0 } };
}

/**
 * The state after a build went on elsewhere though this host, at fault and away, may have something of the instance: what it
 * claimed stays claimed until the host says that nothing is left.
 */
export function owing(state: HostState, removal: OwedRemoval, at: string): HostState {
  const { instanceId, token } = removal;
  const { record, owed = [] } = state;
  if (record === null || owed.some((one) => one.instanceId === instanceId && one.token.generation >= token.generation)) return state;
  const claims = record.claims.map(({ ioTask, ...claim }) => {
    if (claim.instanceId !== instanceId) return ioTask === undefined ? claim : { ...claim, ioTask };
    return { ...claim, id: debtOf(instanceId) }; // another operation may claim anew
  });
  const what = removal.migration === undefined ? 'remove the instance' : 'remove what its migration left';
  const debts = [...record.debts.filter((debt) => debt.instanceId !== instanceId), { instanceId, what, since: at }];
  return {
    ...state,
    record: counted({ ...record, claims, debts, failedBuilds: record.failedBuilds + 1 }),
    fences: fenced(state.fences, instanceId, token.generation),
    owed: [...owed.filter((one) => one.instanceId !== instanceId), removal],
  };
}

/** The state after the host removed what it owed. */
export function paid(state: HostState, { instanceId, token }: OwedRemoval): HostState {
  const { record, owed = [] } = state;
  if (record === null || !owed.some((one) => one.instanceId === instanceId && one.token.generation === token.generation)) return state;
  const claims = record.claims.filter(({ id }) => id !== debtOf(instanceId));
  return withoutDebt({ ...state, record: counted({ ...record, claims }) }, instanceId, token.generation);
}

function withoutDebt(state: HostState, instanceId: string, generation: number): HostState {
  const { record, owed } = state;
  if (record === null || owed === undefined) return state;
  const left = owed.filter((one) => one.instanceId !== instanceId || one.token.generation > generation);
  if (left.length === owed.length) return state;
  return { ...state, owed: left, record: { ...record, debts: record.debts.filter((debt) => debt.instanceId !== instanceId) } };
}

/** The id of the claim that stands for what is left of an instance. */
function debtOf(instanceId: string): string {
  return `debt/${instanceId}`;
}

function counted(host: Omit<Host, 'used' | 'free'>): Host {
  const used = usedBy(host.claims);
  return { ...host, used, free: freeOf(capacityOf(host), used) };
}

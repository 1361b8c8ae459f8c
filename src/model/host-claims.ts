import { fenced, isFenced } from './fences.ts';
import type { HostState } from './host-record.ts';

/** A claim that is to have another id: what an instance holds becomes what its migration holds, or that again the instance's. */
export interface RenameClaim {
  readonly instanceId: string;
  readonly from: string;
  readonly to: string;
  readonly generation: number;
}

/**
 * The state in which the claim of an instance that leaves is the migration's: it keeps its resources here until the migration is decided, and
 * the instance may claim anew, here too. One that travels when the claim was given back already changes nothing.
 */
export function keptForMigration(state: HostState, message: RenameClaim): HostState {
  if (isFenced(state.fences, fenceOf(message), message.generation)) return state;
  return renamed(state, message);
}

/** The state in which the claim is the instance's own again. */
export function takenBack(state: HostState, message: RenameClaim): HostState {
  return { ...renamed(state, message), fences: fenced(state.fences, fenceOf(message), message.generation) };
}

/** Both have the migration's own id on one side, so that neither does anything to the claim of another. */
function renamed(state: HostState, { instanceId, from, to }: RenameClaim): HostState {
  const { record } = state;
  if (record === null || record.claims.some(({ id }) => id === to)) return state;
  const claims = record.claims.map((claim) => (claim.instanceId === instanceId && claim.id === from ? { ...claim, id: to } : claim));
  return { ...state, record: { ...record, claims } };
}

function fenceOf({ instanceId }: RenameClaim): string {
  return `migration/${instanceId}`;
}

import { type HostState, type OwedRemoval, owing } from './host-record.ts';

/** The state in which a host that is down owes what a delete leaves to it. One that is up owes nothing: it does it. */
export function owingWhenDown(state: HostState, removal: OwedRemoval, at: string): HostState {
  const { record } = state;
  if (record === null || record.state === 'up') return state;
  const next = owing(state, removal, at);
  // Being away when something is deleted is no failed build.
  return next.record === null ? next : { ...next, record: { ...next.record, failedBuilds: record.failedBuilds } };
}

/** Whether the instance's removal is owed, to this operation or a later one. */
export function isOwed({ owed = [] }: HostState, { instanceId, token }: OwedRemoval): boolean {
  return owed.some((one) => one.instanceId === instanceId && one.token.generation >= token.generation);
}

/** The state after it became known that a guest whose removal is owed does not run here. A debt to a later operation stays as it is. */
export function knownToBeOff(state: HostState, { instanceId, token }: OwedRemoval): HostState {
  const { owed = [] } = state;
  const isMeant = (one: OwedRemoval) => one.instanceId === instanceId && one.token.generation <= token.generation && one.isOff !== true;
  return owed.some(isMeant) ? { ...state, owed: owed.map((one) => (isMeant(one) ? { ...one, isOff: true } : one)) } : state;
}

/** Whether a host that owes this may still run the instance. */
export function mayStillRun(owed: readonly OwedRemoval[], instanceId: string): boolean {
  return owed.some((one) => one.instanceId === instanceId && one.isOff !== true);
}

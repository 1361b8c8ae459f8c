import { CancellationScope, defineQuery, defineUpdate, proxyActivities, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import type { Host } from '../../model/host.ts';
import { keptForMigration, type RenameClaim, takenBack } from '../../model/host-claims.ts';
import { isOwed, knownToBeOff, owingWhenDown } from '../../model/host-debts.ts';
import {
  type ClaimRequest,
  carriedOver,
  claimed,
  emptyHost,
  enabled,
  type HostState,
  type OwedRemoval,
  owing,
  paid,
  type ReleaseRequest,
  type Report,
  refusalToClaim,
  reported,
  settled,
  unattended,
  unclaimed,
} from '../../model/host-record.ts';
import { quickQueueOf } from '../../model/queues.ts';
import { searchAttributes as attribute } from '../../model/search-attributes.ts';
import { candidateOf } from '../../scheduler/candidate.ts';
import type { AttendActivities } from '../activities.ts';
import type { Shown } from './held.ts';
import { continueWith, recordLife } from './life.ts';
import { now, refuseWith } from './refuse.ts';
import { type Showing, showing } from './show.ts';

/**
 * The record of one compute host: what it has, what is claimed of it, whether it is up. `claim` is the only way to its
 * resources, so that two builds never take the same memory. One long `attend` activity on the host's queue is its sign of
 * life; a run starts that and nothing else before its first message, and this may never change.
 */
export async function host(carried: HostState = emptyHost): Promise<Host> {
  const name = workflowInfo().workflowId.slice('host/'.length);
  const life = recordLife();
  const show = showing();
  let state = carriedOver(carried);
  let shownAt = '';

  setHandler(defineQuery<Host | null>('record'), () => state.record);
  setHandler(defineUpdate<Shown<Host>, [Report]>('report'), (message) => change(reported(state, name, message, now())));
  setHandler(defineUpdate<Shown<Host>, [ClaimRequest]>('claim'), (message) => change(claimed(state, message)), {
    validator: (message) => refuseWith(refusalToClaim(state, message)),
  });
  setHandler(defineUpdate<Shown<Host>, [ReleaseRequest]>('release'), (message) => change(unclaimed(state, message)));
  setHandler(defineUpdate<Shown<Host>, [RenameClaim]>('keepForMigration'), (message) => change(keptForMigration(state, message)));
  setHandler(defineUpdate<Shown<Host>, [RenameClaim]>('takeBack'), (message) => change(takenBack(state, message)));
  setHandler(defineUpdate<Shown<Host>, [{ instanceId: string }]>('settle'), (message) => change(settled(state, message)));
  setHandler(defineUpdate<Shown<Host>, [OwedRemoval]>('owe'), (message) => change(owing(state, message, now())));
  setHandler(defineUpdate<{ isOwed: boolean }, [OwedRemoval]>('oweWhenDown'), (message) => {
    change(owingWhenDown(state, message, now()));
    return { isOwed: isOwed(state, message) };
  });
  setHandler(defineUpdate<Shown<Host>, [OwedRemoval]>('knowToBeOff'), (message) => change(knownToBeOff(state, message)));
  setHandler(defineUpdate<Shown<Host>, [OwedRemoval]>('pay'), (message) => change(paid(state, message)));
  setHandler(defineQuery<readonly OwedRemoval[]>('owed'), () => state.owed ?? []);
  setHandler(defineUpdate<Shown<Host>, [{ isEnabled: boolean; reason: string | null }]>('enable'), ({ isEnabled, reason }) =>
    change(enabled(state, isEnabled, reason)),
  );

  void CancellationScope.nonCancellable(attendForEver);
  await life.end({ closed: () => false, held: () => false });
  return continueWith<typeof host>(state);

  async function attendForEver(): Promise<never> {
    const { attend } = proxyActivities<AttendActivities>({
      taskQueue: quickQueueOf(name),
      startToCloseTimeout: '3650 days',
      heartbeatTimeout: '10 seconds',
      retry: { maximumAttempts: 1 },
    });
    for (;;) {
      const reason = await attend({ host: name }).catch(() => 'its compute worker was not heard for 10 s');
      if (state.record !== null) change(unattended(state, reason, now()));
      await sleep('1 second'); // an attend that fails at once does not fill the history
    }
  }

  function change(next: HostState): Shown<Host> {
    life.touch();
    state = next;
    shownAt = now();
    if (state.record === null) throw new Error('the host never reported');
    list(state.record, shownAt, show);
    return { record: state.record, shownAt };
  }
}

/** The memo is what the scheduler reads, of all hosts in one list call. */
function list(record: Host, shownAt: string, show: Showing): void {
  show.attributes([
    { key: attribute.objectName, value: record.name },
    { key: attribute.objectState, value: record.enabled ? record.state : 'disabled' },
    { key: attribute.computeHost, value: record.name },
  ]);
  show.memo({ candidate: candidateOf(record), shownAt });
}

import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { AcceptedGuest } from '../activities/accept/guest.ts';
import type { InstanceChanges } from '../model/instance.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import { together } from '../model/together.ts';
import { networksOf, touchedBy } from '../model/touched.ts';
import type { Frame } from './operate.ts';
import { isAway, messageOf, typeOf } from './outcome.ts';
import type { Claimed, Turned } from './placement.ts';
import type { Probing } from './shared-storage.ts';

/** An instance that is to go to another host. */
export interface Leaving extends Pick<AcceptedGuest, 'instance' | 'host'> {
  readonly wanted: PlacementRequest;
  /** Hosts that it must not come to, and why. */
  readonly turned: readonly Turned[];
  /** The only host that it may come to, or null. */
  readonly onlyOn: string | null;
  /** Whether what need not wait for one another is asked at the same time. Absent in runs of before 0.2. */
  readonly asksAtOnce?: true;
}

/** Why a host does not take an instance, and of which type the failure is when no other was asked for. */
export interface Declined {
  readonly refusal: string;
  /** @default MigrationPreCheckError */
  readonly type?: 'DestinationDiskExists';
}

/** How an instance would get to a host, or why it does not; nothing of it is touched then. */
export type ArrivalAt<Arrival> = (host: string) => Promise<(Arrival & { readonly refusal: null }) | Declined>;

/** What a host says; one that is silent, or fails a check, takes nothing. */
export async function orDeclined<Answer>(ask: () => Promise<Answer>): Promise<Answer | Declined> {
  try {
    return await ask();
  } catch (failure) {
    if (!isAway(failure) && typeOf(failure) !== 'MigrationPreCheckError') throw failure;
    return { refusal: messageOf(failure) };
  }
}

/** How often hosts are chosen anew when others took what was free. */
const maxRounds = 3;

/**
 * Claims what the instance is to have on a host that takes it, as `arrivalAt` says; nothing of the instance is touched. What it holds where
 * it is stays, as its migration's. A host that refuses is followed by its alternates. Raises `NoValidHost`, for a host that was asked for
 * `MigrationPreCheckError` or what the host refused with.
 */
export async function claimDestination<Arrival>(
  frame: Frame<InstanceChanges>,
  leaving: Leaving,
  claimId: string,
  probing: Probing,
  arrivalAt: ArrivalAt<Arrival>,
): Promise<Arrival & Claimed> {
  const { control, undo } = frame;
  const { instance, host: source, wanted, onlyOn } = leaving;
  const { id: instanceId } = instance;
  const turned: Turned[] = [...leaving.turned];
  const naming = { instanceId, firstRunId: workflowInfo().firstExecutionRunId, source, networks: networksOf(instance) };
  const choose = () => control.selectDestination({ wanted, turned, onlyOn, naming });

  undo('give the claim back to the instance', () => control.takeClaimBack({ host: source, instanceId, claimId }));
  const keep = () => control.keepClaimForMigration({ host: source, instanceId, claimId });
  const [, first] = await allOf(leaving, [keep, choose, probing.begin]);
  for (let [decision, round] = [first, 1]; ; round += 1) {
    const { winner, alternates } = decision;
    // Absent in runs of before 0.2.
    const isNamed: boolean | undefined = decision.isNamed;
    for (const host of [winner, ...alternates]) {
      const tried = await claimedAt(frame, leaving, { host, isNamed: host === winner && isNamed === true }, probing, arrivalAt);
      if (tried.refusal === null) return { ...tried, host };
      turned.push({ host, filter: tried.filter, reason: tried.refusal });
      const why = `${onlyOn} cannot take the instance: ${tried.refusal}`;
      if (onlyOn !== null) throw ApplicationFailure.nonRetryable(why, tried.type ?? 'MigrationPreCheckError');
    }
    const why = `no host took the instance: ${turned.at(-1)?.reason}`;
    if (round === maxRounds) throw ApplicationFailure.nonRetryable(why, 'NoValidHost', { hosts: turned });
    decision = await choose();
  }
}

type Results<Works extends readonly (() => unknown)[]> = { -readonly [Key in keyof Works]: Awaited<ReturnType<Works[Key]>> };

/** Does what need not wait for one another; one after another in runs of before 0.2. */
async function allOf<const Works extends readonly (() => unknown)[]>(
  { asksAtOnce }: Pick<Leaving, 'asksAtOnce'>,
  works: Works,
): Promise<Results<Works>> {
  if (asksAtOnce === true) return (await together(works.map((work) => work()))) as Results<Works>;
  const results: unknown[] = [];
  for (const work of works) results.push(await work());
  return results as Results<Works>;
}

/** Claims what the instance is to have on a host and has how it gets there, or why not; then nothing is claimed. */
async function claimedAt<Arrival>(
  { control, undo, enter }: Frame<InstanceChanges>,
  leaving: Leaving,
  { host, isNamed }: { readonly host: string; readonly isNamed: boolean },
  probing: Probing,
  arrivalAt: ArrivalAt<Arrival>,
): Promise<(Arrival & Pick<Claimed, 'pinnedCpus'> & { readonly refusal: null }) | (Declined & { readonly filter: string })> {
  const { instance, host: source, wanted } = leaving;
  const { id: instanceId } = instance;
  const release = () => control.releaseClaim({ host, instanceId, claimId: instanceId });
  undo(`release the claim on ${host}`, release);
  if (!isNamed) await enter({}, touchedBy(instance, [source, host]));
  const claim = () => control.claimResources({ host, id: instanceId, instanceId, resources: wanted });
  const ask = () => orDeclined(() => probing.ask(host).then(() => null));
  const [claimed, declined] = await allOf(leaving, [claim, ask]);
  if (claimed.refusal !== null) {
    await probing.leave();
    return { filter: 'claim', refusal: claimed.refusal };
  }
  const arrival = declined ?? (await arrivalAt(host));
  if (arrival.refusal === null) return { ...arrival, pinnedCpus: claimed.pinnedCpus ?? null };
  await probing.leave();
  await release();
  return { ...arrival, filter: 'destination', refusal: `${host}: ${arrival.refusal}` };
}

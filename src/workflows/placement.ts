import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { PinnedCpus } from '../model/cpus/placement.ts';
import { chosenHost, type InstanceChanges } from '../model/instance.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import type { Frame } from './operate.ts';

/** A host that was chosen and is not to be chosen again. */
export interface Turned {
  readonly host: string;
  readonly filter: string;
  readonly reason: string;
}

/** How often hosts are chosen anew when others took what was free: decisions are made from a list that may be a second old. */
const maxRounds = 3;

/** A host that took a claim. */
export interface Claimed {
  readonly host: string;
  /** Where each vCPU of the instance runs there; null: it has no CPU for itself. */
  readonly pinnedCpus: PinnedCpus | null;
}

interface ClaimWish {
  readonly instanceId: string;
  readonly wanted: PlacementRequest;
  readonly networks: readonly string[];
  /** Gives back what was claimed. */
  readonly release: (host: string) => Promise<void>;
  readonly notOn?: readonly Turned[];
}

/**
 * Claims `wanted` on the best host that takes it. The choice is a decision of the scheduler, kept in
 * the history; the claim is the host record's, so that two never get the same memory. The instance's record names the host
 * and the networks before anything of the instance is there, so that a delete finds it whatever dies in between.
 * Raises `NoValidHost` with what removed each host.
 */
export async function claimHost(
  { control, undo, enter }: Pick<Frame<InstanceChanges>, 'control' | 'undo' | 'enter'>,
  { instanceId, wanted, networks, release, notOn = [] }: ClaimWish,
): Promise<Claimed> {
  const turned = [...notOn];
  for (let round = 0; round < maxRounds; round += 1) {
    const decision = await control.selectHost({ wanted, turned, instanceId, networks, firstRunId: workflowInfo().firstExecutionRunId });
    const { winner, alternates } = decision;
    // Absent in runs of before 0.2.
    const isNamed: boolean | undefined = decision.isNamed;
    for (const host of [winner, ...alternates]) {
      undo(`release the claim on ${host}`, () => release(host));
      if (host !== winner || isNamed !== true) {
        const { changes, touches } = chosenHost(host, networks);
        await enter(changes, touches);
      }
      const { refusal, pinnedCpus = null } = await control.claimResources({
        host,
        id: instanceId,
        instanceId,
        resources: wanted,
        ioTask: 'building',
      });
      if (refusal === null) return { host, pinnedCpus };
      turned.push({ host, filter: 'claim', reason: refusal });
    }
  }
  throw ApplicationFailure.nonRetryable(`no host took the claim: ${turned.at(-1)?.reason}`, 'NoValidHost', { hosts: turned });
}

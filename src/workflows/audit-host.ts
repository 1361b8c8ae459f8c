import { ActivityFailure, proxyActivities, sleep } from '@temporalio/workflow';
import type { AuditActivities, AuditLook } from '../activities/audit.ts';
import type { HostListingActivities } from '../activities/host-listing.ts';
import type { MeasureActivities } from '../activities/measure.ts';
import { type Difference, type DiskRoom, lastingDifferences } from '../model/audit.ts';
import type { Claim } from '../model/host.ts';
import { onControl, quicklyOn } from './activities.ts';
import { outcomeOf } from './outcome.ts';
import { now } from './records/refuse.ts';

/** What an audit found, and what of it is no more. Public API. */
export interface HostAudit {
  readonly host: string;
  readonly disk: DiskRoom;
  readonly differences: readonly Difference[];
  readonly healed: readonly Difference[];
}

const { acceptAuditHost, compareResources, releaseLeftovers } = proxyActivities<AuditActivities>({
  ...onControl.options,
  startToCloseTimeout: '1 minute',
});

/** Between two looks: an operation that let go meanwhile is in one of them only. */
const pause = '2 seconds';

/**
 * Compares what a host has and does with its record and its claims (Nova's `update_available_resource`), and gives back claims that
 * provably nobody holds: of instances that are deleted, in two looks, and still when they are given back. Everything else it only tells.
 */
export async function auditHost(request: unknown): Promise<HostAudit> {
  try {
    const { host } = await acceptAuditHost({ request });
    const first = await look(host);
    if (first.differences.length === 0) return { host, disk: first.disk, differences: [], healed: [] };

    await sleep(pause);
    const second = await look(host);
    const differences = lastingDifferences(first.differences, second.differences);

    const claims = second.leftovers.filter(({ id }) => first.leftovers.some((leftover) => leftover.id === id));
    const released = claims.length === 0 ? [] : await releaseLeftovers({ host, claims });
    const isHealed = ({ kind, what }: Difference) => kind === 'UnknownClaim' && released.some((claim) => isOf(what, claim));
    return {
      host,
      disk: second.disk,
      differences: differences.filter((difference) => !isHealed(difference)),
      healed: differences.filter(isHealed),
    };
  } catch (failure) {
    throw outcomeOf(failure, { step: failure instanceof ActivityFailure ? failure.activityType : 'auditHost', host: null });
  }
}

async function look(host: string): Promise<AuditLook> {
  const since = now();
  const { listHost, measureHost } = proxyActivities<HostListingActivities & MeasureActivities>(quicklyOn(host).options);
  const [listing, measured] = await Promise.all([listHost(), measureHost()]);
  return compareResources({ host, since, listing, measured });
}

function isOf(what: string, { id, instanceId }: Claim): boolean {
  return what.startsWith(`claim ${id} of instance ${instanceId}:`);
}

import { proxyActivities, sleep } from '@temporalio/workflow';
import type { HostListingActivities } from '../activities/host-listing.ts';
import type { Heard, VerifyActivities } from '../activities/verify.ts';
import { type Finding, lasting } from '../model/verify/finding.ts';
import { onControl, quicklyOn } from './activities.ts';
import { messageOf, outcomeOf } from './outcome.ts';
import { now } from './records/refuse.ts';

/** Reads as many records as a host has instances. */
const { acceptVerify, compareHost, compareFleet } = proxyActivities<VerifyActivities>({
  ...onControl.options,
  startToCloseTimeout: '1 minute',
});

/** Between two looks: a record lets go of an operation that was terminated within it. */
const pause = '2 seconds';

/**
 * Compares the records with the hosts, or with those of the request. It holds nothing and changes nothing; what an operation
 * in progress works on is not judged, and a finding is one that two looks have found. A silent host is a finding.
 */
export async function verify(request: unknown): Promise<{ readonly findings: readonly Finding[] }> {
  try {
    const { hosts, isWhole } = await acceptVerify({ request });
    const look = async () => {
      const looks = [...hosts.map(lookAtHost), ...(isWhole ? [compareFleet({ since: now() })] : [])];
      return (await Promise.all(looks)).flat();
    };
    const first = await look();
    if (first.length === 0) return { findings: [] };
    await sleep(pause);
    return { findings: lasting(first, await look()) };
  } catch (failure) {
    throw outcomeOf(failure, { step: 'verify', host: null });
  }
}

async function lookAtHost(host: string): Promise<readonly Finding[]> {
  const since = now();
  return compareHost({ host, since, heard: await hear(host) });
}

/** What the host lists; one that takes no work for some seconds is silent, and does not keep the others waiting. */
async function hear(host: string): Promise<Heard> {
  const { listHost } = proxyActivities<HostListingActivities>({
    ...quicklyOn(host).options,
    scheduleToStartTimeout: '5 seconds',
    retry: { initialInterval: '100 milliseconds', maximumAttempts: 2 },
  });
  try {
    return { listing: await listHost(), why: null };
  } catch (failure) {
    return { listing: null, why: messageOf(failure) };
  }
}

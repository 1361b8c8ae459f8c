import type { Host } from '../model/host.ts';
import { compareFleet, compareHost } from '../model/verify/compare.ts';
import type { Finding } from '../model/verify/finding.ts';
import type { HostListing } from '../model/verify/listing.ts';
import { parsed } from './accept/parse.ts';
import { namesOf } from './listing.ts';
import { fail, queryRecord } from './record-client.ts';
import { fleetScene, hostScene } from './verify/scenes.ts';

/** What is compared: all hosts and what is of none, or the hosts that were asked for. */
export interface AcceptedVerify {
  readonly hosts: readonly string[];
  readonly isWhole: boolean;
}

/** What a host said when it was asked to list itself, or why it did not. */
export type Heard = { readonly listing: HostListing; readonly why: null } | { readonly listing: null; readonly why: string };

export interface VerifyActivities {
  /** The hosts that a request asks for. Raises `InvalidRequest`, `HostNotFound`. */
  acceptVerify(input: { request: unknown }): Promise<AcceptedVerify>;
  /** Compares what a host listed with the records as they are now; what changed after `since` is not judged. Changes nothing. */
  compareHost(input: { host: string; since: string; heard: Heard }): Promise<readonly Finding[]>;
  /** Compares the records that are of no host with one another. Changes nothing. */
  compareFleet(input: { since: string }): Promise<readonly Finding[]>;
}

export const verifyActivities: VerifyActivities = {
  acceptVerify: async ({ request }) => {
    const { hosts } = parsed('verify', request);
    if (hosts === undefined) return { hosts: await namesOf('host', 'ObjectName IS NOT NULL'), isWhole: true };
    for (const host of hosts) {
      if ((await queryRecord<Host>('host', host)) === null) throw fail('HostNotFound', `there is no host ${host}`);
    }
    return { hosts: [...new Set(hosts)], isWhole: false };
  },
  compareHost: async ({ host, since, heard }) => compareHost({ ...(await hostScene(host, since, heard.listing)), ...heard }),
  compareFleet: async ({ since }) => compareFleet(await fleetScene(since)),
};

import { type Difference, type DiskRoom, differencesOf, diskRoom, leftoverClaims, type Measured } from '../model/audit.ts';
import type { Claim, Host } from '../model/host.ts';
import type { ReleaseRequest } from '../model/host-record.ts';
import type { Instance } from '../model/instance.ts';
import type { HostListing } from '../model/verify/listing.ts';
import { parsed } from './accept/parse.ts';
import { fail, queryRecord, update } from './record-client.ts';
import { openRuns } from './verify/runs.ts';
import { hostScene } from './verify/scenes.ts';

/** What one look at a host found. */
export interface AuditLook {
  readonly disk: DiskRoom;
  readonly differences: readonly Difference[];
  readonly leftovers: readonly Claim[];
}

export interface AuditActivities {
  /** The host that a request asks for. Raises `InvalidRequest`, `HostNotFound`, `HostUnavailable`. */
  acceptAuditHost(input: { request: unknown }): Promise<{ readonly host: string }>;
  /** Compares what a host found of itself with its record as it is now; what changed after `since` is not judged. Changes nothing. */
  compareResources(input: { host: string; since: string; listing: HostListing; measured: Measured }): Promise<AuditLook>;
  /** Gives back the claims of instances that are still over; a claim that anybody may hold stays. Repeatable. */
  releaseLeftovers(input: { host: string; claims: readonly Claim[] }): Promise<readonly Claim[]>;
}

export const auditActivities: AuditActivities = {
  acceptAuditHost: async ({ request }) => {
    const { host } = parsed('auditHost', request);
    const record = await queryRecord<Host>('host', host);
    if (record === null) throw fail('HostNotFound', `there is no host ${host}`);
    if (record.state === 'down') throw fail('HostUnavailable', `host ${host} is down: ${record.downReason}`);
    return { host };
  },

  compareResources: async ({ host, since, listing, measured }) => {
    // Runs first: an operation that begins later has a record that is read later.
    const workedOn = new Set((await openRuns()).flatMap(({ instanceId }) => instanceId ?? []));
    const scene = { ...(await hostScene(host, since, listing)), listing };
    return { disk: diskRoom(scene, measured), differences: differencesOf(scene, measured), leftovers: leftoverClaims(scene, workedOn) };
  },

  releaseLeftovers: async ({ host, claims }) => {
    const released: Claim[] = [];
    for (const claim of claims) {
      const instance = await queryRecord<Instance>('instance', claim.instanceId);
      if (instance !== null && instance.vmState !== 'deleted') continue;
      // Of a record that is gone nothing can come late: an id that is used again must not be fenced.
      const release: ReleaseRequest = { id: claim.id, instanceId: claim.instanceId, generation: instance?.generation ?? 0 };
      await update(`host/${host}`, 'release', release, fail('HostNotFound', `there is no host ${host}`));
      released.push(claim);
    }
    return released;
  },
};

import { ApplicationFailure } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Host } from '../model/host.ts';
import { mayStillRun } from '../model/host-debts.ts';
import type { LeftByMigration, OwedRemoval } from '../model/host-record.ts';
import type { ReleasePorts } from '../model/network-record.ts';
import type { Token } from '../model/tenure.ts';
import { invalid, parsed } from './accept/parse.ts';
import { client, fail, queryOf, queryRecord, update } from './record-client.ts';

/** Leaves nothing of an instance here; a newer operation that has it fails it with `StaleToken`. */
export type Removal = (removal: OwedRemoval, by: Client) => Promise<unknown>;

export interface DebtActivities {
  /**
   * Leaves the removal of an instance that is deleted to a host that is down; false when the host is up and does it itself. With it stay the
   * claim and the addresses: as long as nobody knows that the guest is off, another one must not get them. Repeatable.
   */
  oweWhenDown(input: {
    token: Token;
    host: string;
    instanceId: string;
    networks: readonly string[];
    /** The other hosts that may owe the same instance: the last one that pays gives the addresses back. */
    others: readonly string[];
    /** What a migration left there, and nothing else. Absent: all of the instance. */
    migration?: LeftByMigration;
    isOff?: boolean;
  }): Promise<{ readonly isOwed: boolean }>;
  /**
   * Gives back the addresses of what a host owes, which somebody has made sure is off; what is on its disks stays owed. Raises `HostNotFound`,
   * `InvalidRequest` when the host is up. Repeatable.
   */
  releaseOwedAddresses(input: { request: unknown }): Promise<Host>;
}

export const debtActivities: DebtActivities = {
  oweWhenDown: ({ host, ...removal }) => update<{ isOwed: boolean }>(`host/${host}`, 'oweWhenDown', removal, gone(host)),

  releaseOwedAddresses: async ({ request }) => {
    const { host } = parsed('fenceHost', request);
    const record = await queryRecord<Host>('host', host);
    if (record === null) throw gone(host);
    if (record.state === 'up') throw invalid('host', 'names a host that is up: fence one that is down, after its power is off');
    for (const removal of await owedBy(host, client())) await releaseAddresses(host, removal, client());
    return (await queryRecord<Host>('host', host)) ?? record;
  },
};

/**
 * Pays what the host's record says that it owes: removes the instances that operations could not wait to see removed, gives the addresses of
 * deleted ones back, and tells the record, which then counts their claims no more. What fails stays owed. Repeatable.
 */
export async function payDebts(by: Client, host: string, remove: Removal): Promise<void> {
  for (const removal of await owedBy(host, by)) {
    await remove(removal, by).catch(unlessSuperseded);
    await releaseAddresses(host, removal, by);
    await update(`host/${host}`, 'pay', removal, gone(host), by);
  }
}

/** What a newer operation has here is none of the older one's business. */
function unlessSuperseded(failure: unknown): void {
  if (!(failure instanceof ApplicationFailure) || failure.type !== 'StaleToken') throw failure;
}

/** Notes first that the guest is off here: of two hosts that pay at the same time the later one sees the other's, and gives the addresses back. */
async function releaseAddresses(host: string, removal: OwedRemoval, by: Client): Promise<void> {
  const { instanceId, token, networks = [], others = [] } = removal;
  if (networks.length === 0) return;
  await update(`host/${host}`, 'knowToBeOff', removal, gone(host), by);
  const owed = await Promise.all(others.map((other) => owedBy(other, by)));
  if (owed.some((one) => mayStillRun(one, instanceId))) return;
  const release: ReleasePorts = { owner: instanceId, generation: token.generation };
  const absent = (name: string) => fail('NetworkNotFound', `there is no network ${name}`);
  await Promise.all(networks.map((name) => update(`network/${name}`, 'release', release, absent(name), by)));
}

async function owedBy(host: string, by: Client): Promise<readonly OwedRemoval[]> {
  return (await queryOf<readonly OwedRemoval[]>(`host/${host}`, 'owed', by)) ?? [];
}

function gone(host: string): ReturnType<typeof fail> {
  return fail('HostNotFound', `there is no host ${host}`);
}

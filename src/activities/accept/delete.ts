import type { Host } from '../../model/host.ts';
import type { Instance } from '../../model/instance.ts';
import type { Begun } from '../../model/instance-record.ts';
import type { Accepted, OnFailure } from '../../model/operation.ts';
import { queryRecord } from '../record-client.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begunByTakingOver, type Taken } from './take-over.ts';

export interface AcceptedDelete extends Accepted {
  readonly instance: Instance;
  /** Where something of the instance is, or may be. */
  readonly hosts: readonly string[];
  readonly networks: readonly string[];
  /** Hosts that are down: what is to be done there becomes a debt of theirs. Absent in runs of before there were debts. */
  readonly down?: readonly string[];
}

export interface AcceptDeleteActivities {
  /** Takes an instance for its deletion, from an operation in progress too. Heartbeats while that undoes. Repeatable. */
  acceptDelete(input: AcceptInput): Promise<AcceptedDelete>;
}

export const acceptDeleteActivities: AcceptDeleteActivities = {
  acceptDelete: async ({ request, firstRunId }) => {
    const { instanceId, onFailure = 'park' } = parsed('deleteInstance', request);
    return toDelete(onFailure, await begunByTakingOver({ type: 'deleteInstance', action: 'deleteInstance', instanceId, firstRunId }));
  },
};

/** What is to be deleted of an instance that was taken; nothing of one that is gone. */
export async function toDelete(onFailure: OnFailure, { begun, gone }: Taken): Promise<AcceptedDelete> {
  if (gone !== null) return { token: { run: '', generation: 0 }, onFailure, instance: gone, done: gone, hosts: [], networks: [] };
  const { token, record, touched }: Begun = begun;
  const hosts = named('host', touched);
  const records = await Promise.all(hosts.map((host) => queryRecord<Host>('host', host)));
  const down = hosts.filter((_host, index) => records[index]?.state === 'down');
  return { token, onFailure, instance: record, hosts, networks: named('network', touched), down };
}

function named(kind: string, touched: readonly string[]): readonly string[] {
  return touched.filter((id) => id.startsWith(`${kind}/`)).map((id) => id.slice(kind.length + 1));
}

import type { Host } from '../../model/host.ts';
import type { Instance } from '../../model/instance.ts';
import type { Accepted } from '../../model/operation.ts';
import { queryRecord } from '../record-client.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begunByTakingOver } from './take-over.ts';

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
    const { begun, gone } = await begunByTakingOver({ type: 'deleteInstance', action: 'deleteInstance', instanceId, firstRunId });
    if (gone !== null) return { token: { run: '', generation: 0 }, onFailure, instance: gone, done: gone, hosts: [], networks: [] };
    const { token, record, touched } = begun;
    const hosts = named('host', touched);
    const records = await Promise.all(hosts.map((host) => queryRecord<Host>('host', host)));
    const down = hosts.filter((_host, index) => records[index]?.state === 'down');
    return { token, onFailure, instance: record, hosts, networks: named('network', touched), down };
  },
};

function named(kind: string, touched: readonly string[]): readonly string[] {
  return touched.filter((id) => id.startsWith(`${kind}/`)).map((id) => id.slice(kind.length + 1));
}

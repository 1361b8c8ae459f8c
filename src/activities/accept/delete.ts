import type { Instance } from '../../model/instance.ts';
import type { Accepted } from '../../model/operation.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begunByTakingOver } from './take-over.ts';

export interface AcceptedDelete extends Accepted {
  readonly instance: Instance;
  /** Where something of the instance is, or may be. */
  readonly hosts: readonly string[];
  readonly networks: readonly string[];
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
    return { token, onFailure, instance: record, hosts: named('host', touched), networks: named('network', touched) };
  },
};

function named(kind: string, touched: readonly string[]): readonly string[] {
  return touched.filter((id) => id.startsWith(`${kind}/`)).map((id) => id.slice(kind.length + 1));
}

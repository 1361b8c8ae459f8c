import type { Instance } from '../../model/instance.ts';
import type { Accepted } from '../../model/operation.ts';
import { currentContext } from '../context.ts';
import { runOf } from '../records.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begunByDelete } from './take-over.ts';

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
    const { userId } = currentContext();
    const { instanceId, onFailure = 'park' } = parsed('deleteInstance', request);
    const begin = { run: runOf(firstRunId), type: 'deleteInstance', part: 1, userId, taskState: 'deleting', create: null } as const;
    const { begun, gone } = await begunByDelete(instanceId, begin);
    if (gone !== null) return { token: { run: '', generation: 0 }, onFailure, instance: gone, done: gone, hosts: [], networks: [] };
    const { token, record, touched } = begun;
    return { token, onFailure, instance: record, hosts: named('host', touched), networks: named('network', touched) };
  },
};

function named(kind: string, touched: readonly string[]): readonly string[] {
  return touched.filter((id) => id.startsWith(`${kind}/`)).map((id) => id.slice(kind.length + 1));
}

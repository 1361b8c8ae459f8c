import type { AcceptedDelete } from '../activities/accept/delete.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { type Frame, operate } from './operate.ts';
import { doneOrOwed } from './owed.ts';
import { removeFromHost } from './removal.ts';
import { takeFromResize } from './resize/ends.ts';

/**
 * Deletes an instance in whatever state it is (Nova's `terminate_instance`). An operation in progress is asked to cancel
 * and waited for; then the instance is taken from it, so that nothing of it can act any more.
 */
export function deleteInstance(request: unknown): Promise<Instance> {
  return operate<AcceptedDelete, InstanceChanges, Instance>({
    type: 'deleteInstance',
    request,
    accept: (_control, patientControl) => patientControl.acceptDelete,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ vmState: 'error', fault }),
    onCancelled: ({ instance }) => ({ vmState: instance.vmState }),
    undoneLeavesNothing: false,

    story: async (frame, accepted) => {
      const { open } = accepted.instance;
      if (open?.type === 'reclaimInstance') await frame.control.stopReclaim({ open });
      else if (open !== null) await takeFromResize(frame, open);
      return deleteAll(frame, accepted);
    },
  });
}

/** Deletes what there is of an instance, on every host and in every network that has something of it. */
export async function deleteAll(
  frame: Frame<InstanceChanges>,
  { instance, hosts, networks, down }: AcceptedDelete,
): Promise<InstanceChanges> {
  const { control, commit } = frame;
  const instanceId = instance.id;

  commit(); // from here on the guest's disks go: there is no way back
  const owing = new Set<string>();
  for (const host of hosts) {
    const isOwed = await removedOrOwed(frame, { host, isDown: down?.includes(host) ?? null }, { instanceId, networks, hosts });
    if (isOwed) owing.add(host);
  }
  // As long as a host that is cut off may run the guest nobody else gets its addresses, nor its memory there.
  if (owing.size === 0) await control.releasePorts({ instanceId, networks });
  for (const host of hosts) if (!owing.has(host)) await control.releaseClaim({ host, instanceId });

  return { vmState: 'deleted', powerState: 'nostate', host: null, disks: [], ports: [], open: null, migration: null };
}

/** Removes the instance from a host, or leaves that to the host as a debt. `isDown` null: a run of before there were debts. */
function removedOrOwed(
  frame: Frame<InstanceChanges>,
  { host, isDown }: { readonly host: string; readonly isDown: boolean | null },
  { instanceId, networks, hosts }: { readonly instanceId: string; readonly networks: readonly string[]; readonly hosts: readonly string[] },
): Promise<boolean> {
  const others = hosts.filter((other) => other !== host);
  return doneOrOwed(frame, {
    host,
    isDown,
    work: (steps) => removeFromHost(steps, frame.longOnHost(host), instanceId),
    owe: () => frame.control.oweWhenDown({ host, instanceId, networks, others }),
  });
}

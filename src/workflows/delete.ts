import type { AcceptedDelete } from '../activities/accept/delete.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { operate } from './operate.ts';

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

    story: async ({ control, onHost, commit }, { instance, hosts, networks }) => {
      const instanceId = instance.id;

      commit(); // from here on the guest's disks go: there is no way back
      for (const host of hosts) await onHost(host).removeInstance({ instanceId });
      await control.releasePorts({ instanceId, networks });
      for (const host of hosts) await control.releaseClaim({ host, instanceId });

      return { vmState: 'deleted', powerState: 'nostate', host: null, disks: [], ports: [] };
    },
  });
}

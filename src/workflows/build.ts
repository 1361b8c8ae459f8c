import type { AcceptedBuild } from '../activities/accept/build.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { boot } from './boot.ts';
import { operate } from './operate.ts';
import { claimHost } from './placement.ts';

/**
 * Builds an instance: a host, addresses, disks, a domain, and the guest runs (Nova's `_build_and_run_instance`).
 * The task state walks as Nova's: scheduling, none, networking, block_device_mapping, spawning.
 * Failed it leaves the record in `error` and nothing else; cancelled it leaves a deleted record.
 */
export function buildInstance(request: unknown): Promise<Instance> {
  return operate<AcceptedBuild, InstanceChanges, Instance>({
    type: 'buildInstance',
    request,
    accept: (control) => control.acceptBuild,
    record: ({ instance }) => ({ kind: 'instance', id: instance.id, projectId: instance.projectId }),
    onFailed: (fault) => ({ vmState: 'error', powerState: 'nostate', host: null, disks: [], ports: [], fault }),
    onCancelled: () => ({ vmState: 'deleted', powerState: 'nostate', host: null, disks: [], ports: [] }),
    undoneLeavesNothing: true,

    story: async (frame, accepted) => {
      const { control, onHost, longOnHost, whenHostReturns, undo, during } = frame;
      const { instance, image, wanted, wantedPorts, publicKeys, hasConfigDrive, localDisks, secrets, vifPlug } = accepted;
      const { id: instanceId } = instance;
      const networks = wantedPorts.map((port) => port.network);

      const host = await claimHost(frame, instanceId, wanted, networks);

      undo('give the addresses back', () => control.releasePorts({ instanceId, networks }));
      const { vifs } = await during({ taskState: 'networking' }, () => control.allocatePorts({ instanceId, ports: wantedPorts }));
      const ports = vifs.map(({ port }) => port);

      undo('remove the instance from the host', () => whenHostReturns(host).removeInstance({ instanceId }));
      const diskInput = { instance, image, vifs, publicKeys, hasConfigDrive, localDisks, secrets };
      const createDisks = () => onHost(host).createDisks(diskInput);
      let { disks, missing, takesLong } = await during({ taskState: 'block_device_mapping', ports }, createDisks);
      while (missing.length > 0 || takesLong) {
        if (missing.length > 0) await longOnHost(host).fetchBases({ images: missing });
        // Missing again: removed from the cache in between.
        ({ disks, missing, takesLong } = await (takesLong ? longOnHost(host).writeDisks(diskInput) : createDisks()));
      }

      const define = () => onHost(host).defineDomain({ instance, image, disks, vifs });
      const { machineType, cpuModel } = await during({ taskState: 'spawning', disks }, define);
      const { powerState, launchedAt } = await boot(frame, { instanceId, host, vifs, vifPlug });

      return { vmState: 'active', powerState, launchedAt, machineType, cpuModel };
    },
  });
}

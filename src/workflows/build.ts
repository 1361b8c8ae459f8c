import type { AcceptedBuild } from '../activities/accept/build.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { together } from '../model/together.ts';
import { boot } from './boot.ts';
import { type Frame, operate } from './operate.ts';
import { onHostAfterHost } from './reschedule.ts';

/**
 * Builds an instance: a host, addresses, disks, a domain, and the guest runs (Nova's `_build_and_run_instance`).
 * The task state walks as Nova's: scheduling, none, networking, block_device_mapping, spawning.
 * When a host is at fault, it is cleaned and the next one tried, with the same addresses.
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
      const { control, onHost, longOnHost, undo, during } = frame;
      const { instance, image, wantedPorts, publicKeys, hasConfigDrive, localDisks, secrets, vifPlug } = accepted;
      const { id: instanceId } = instance;
      const networks = wantedPorts.map((port) => port.network);
      const allocate = once(() => {
        undo('give the addresses back', () => control.releasePorts({ instanceId, networks }));
        return control.allocatePorts({ instanceId, ports: wantedPorts });
      });

      return onHostAfterHost(frame, accepted, networks, async (attempt) => {
        const { host, pinnedCpus } = attempt;
        const placed = pinnedCpus === null ? {} : { pinnedCpus };
        // As in Nova the addresses come while the image does.
        const [{ vifs }] = await together([during({ taskState: 'networking', ...placed }, allocate), bringImages(frame, accepted, host)]);
        const ports = vifs.map(({ port }) => port);

        attempt.undo('remove the instance from the host', attempt.removeInstance);
        const diskInput = { instance, image, vifs, publicKeys, hasConfigDrive, localDisks, secrets };
        const createDisks = () => onHost(host).createDisks(diskInput);
        let { disks, missing, takesLong } = await during({ taskState: 'block_device_mapping', ports }, createDisks);
        while (missing.length > 0 || takesLong) {
          if (missing.length > 0) await longOnHost(host).fetchBases({ images: missing });
          // Missing again: removed from the cache in between.
          ({ disks, missing, takesLong } = await (takesLong ? longOnHost(host).writeDisks(diskInput) : createDisks()));
        }

        const define = () => onHost(host).defineDomain({ instance: { ...instance, ...placed }, image, disks, vifs });
        const { machineType, cpuModel } = await during({ taskState: 'spawning', disks }, define);
        const { powerState, launchedAt } = await boot(frame, { instanceId, host, vifs, vifPlug });

        return { vmState: 'active', powerState, launchedAt, machineType, cpuModel };
      });
    },
  });
}

/** Has the image on its host before its disks are made. Runs of before 0.2 find there what is missing. */
async function bringImages(
  { onHost, longOnHost }: Frame<InstanceChanges>,
  { image: { root, kernel, ramdisk }, attempts }: AcceptedBuild,
  host: string,
): Promise<void> {
  if (attempts === undefined) return;
  const images = [root, kernel, ramdisk].filter((one) => one !== null);
  const { missing } = await onHost(host).findMissingBases({ images });
  if (missing.length > 0) await longOnHost(host).fetchBases({ images: missing });
}

/** Does `work` at the first call, and answers all others with its result. */
function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let done: Promise<Result> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}

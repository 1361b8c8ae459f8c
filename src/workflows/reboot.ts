import { CancellationScope } from '@temporalio/workflow';
import type { AcceptedReboot } from '../activities/accept/guest.ts';
import type { Instance } from '../model/instance.ts';
import { boot } from './boot.ts';
import { operateOnGuest } from './operate-on-guest.ts';

/**
 * Reboots a guest (Nova's `reboot_instance`). Soft, it is asked to shut down and started again; one that does not go down in time
 * is rebooted hard. Hard, it is switched off, defined anew from the record, and started, whatever state it was in.
 * A cancel is heard while the guest is asked, which cannot be taken back: one that goes down after that stays down. Once the reboot has
 * seen it down it comes up again. A reboot that fails leaves the instance stopped.
 */
export function rebootInstance(request: unknown): Promise<Instance> {
  return operateOnGuest<AcceptedReboot>({
    type: 'rebootInstance',
    request,
    accept: (_control, patientControl) => patientControl.acceptReboot,

    story: async (frame, { instance, host, image, vifs, vifPlug, timeoutSeconds, retrySeconds }) => {
      const { onHost, waitOnHost, during, commit } = frame;
      const { id: instanceId, disks } = instance;
      const isHard = timeoutSeconds === 0;

      const ask = () => waitOnHost(host, timeoutSeconds).shutDownGuest({ instanceId, timeoutSeconds, retrySeconds });
      const isDown = !isHard && (await during({ taskState: 'reboot_pending' }, ask)).isOff;

      const { powerState } = await CancellationScope.nonCancellable(async () => {
        if (!isDown) {
          const switchOff = () => onHost(host).switchGuestOff({ instanceId });
          await (isHard ? during({ taskState: 'reboot_pending_hard' }, switchOff) : switchOff());
          await onHost(host).forgetSavedMemory({ instanceId });
          await onHost(host).defineDomain({ instance, image, disks, vifs });
        }
        const start = () => boot(frame, { instanceId, host, vifs, vifPlug });
        return during({ taskState: isHard ? 'reboot_started_hard' : 'reboot_started' }, start);
      });

      commit(); // a cancel that came meanwhile is too late: the guest runs
      return { vmState: 'active', powerState };
    },
  });
}

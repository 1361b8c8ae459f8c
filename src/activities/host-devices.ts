import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { DomainAffect, DomainXml, type Libvirt } from '../libvirt/index.ts';
import { detachedDevices, passthroughDevices } from '../model/passthrough.ts';

/** The devices of its host that a running guest has to itself. */
export interface HostDevices {
  /** Takes them from the guest until it is started again; they are gone when this resolves. */
  readonly detach: () => Promise<void>;
  /** Gives the guest back what its definition has and it has not. */
  readonly attach: () => Promise<void>;
}

const pollMs = 200;

export function hostDevicesOf(libvirt: Libvirt, uuid: string): HostDevices {
  const dom = { uuid };
  const running = () => libvirt.domainGetXmlDesc({ dom });
  return {
    detach: async () => {
      const { cancellationSignal: signal } = Context.current();
      for (const { xml } of passthroughDevices(await running())) {
        await libvirt.domainDetachDeviceFlags({ dom, xml, flags: DomainAffect.live });
      }
      while (passthroughDevices(await running()).length > 0) await setTimeout(pollMs, undefined, { signal }); // the guest lets go of them
    },
    attach: async () => {
      const definition = await libvirt.domainGetXmlDesc({ dom, flags: DomainXml.inactive });
      for (const { xml } of detachedDevices(definition, await running())) {
        await libvirt.domainAttachDeviceFlags({ dom, xml, flags: DomainAffect.live });
      }
    },
  };
}

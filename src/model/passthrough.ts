import { childrenOf, rootOf, sourceOf } from './xml-tree.ts';

/** A device of the host that a guest has to itself: its state is in the hardware, and cannot be saved with the guest's memory. */
export interface PassthroughDevice {
  /** Where on the host it is: the same in a domain's definition and in its running guest. */
  readonly address: string;
  /** The device as the document writes it, for libvirt to detach or attach. */
  readonly xml: string;
}

/** The PCI devices and the ports backed by one in a domain's XML. */
export function passthroughDevices(domainXml: string): readonly PassthroughDevice[] {
  const devices = childrenOf(rootOf(domainXml)).find(({ name }) => name === 'devices');
  return (devices === undefined ? [] : childrenOf(devices)).flatMap((device) => {
    const isPci = device.name === 'hostdev' && device.attributes['type'] === 'pci';
    const isPort = device.name === 'interface' && device.attributes['type'] === 'hostdev';
    if (!isPci && !isPort) return [];
    const source = childrenOf(device).find(({ name }) => name === 'source');
    const { domain, bus, slot, function: part } = source === undefined ? {} : (childrenOf(source)[0]?.attributes ?? {});
    return [{ address: [domain, bus, slot, part].join(':'), xml: sourceOf(domainXml, device) }];
  });
}

/** The devices of the definition that the running guest does not have now. */
export function detachedDevices(definition: string, running: string): readonly PassthroughDevice[] {
  const attached = new Set(passthroughDevices(running).map(({ address }) => address));
  return passthroughDevices(definition).filter(({ address }) => !attached.has(address));
}

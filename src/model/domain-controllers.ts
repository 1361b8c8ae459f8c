import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';
import { type DomainSpec, hasPcie } from './domain.ts';

/** The controllers that libvirt would not choose as we do: USB only where something is on it, and PCIe ports to spare. */
export function addControllers(devices: XMLBuilder, spec: DomainSpec): void {
  devices.ele('controller', { type: 'usb', model: usesUsb(spec) ? 'qemu-xhci' : 'none' });
  if (spec.scsiModel !== null) devices.ele('controller', { type: 'scsi', index: '0', model: spec.scsiModel });
  if (!hasPcie(spec.machineType)) return;
  devices.ele('controller', { type: 'pci', model: 'pcie-root' });
  for (let port = 0; port < pciePortsOf(spec); port += 1) devices.ele('controller', { type: 'pci', model: 'pcie-root-port' });
}

/**
 * One port a device that libvirt plugs into one, and the spare ones: ports that are named leave libvirt none to add of its own.
 * Older devices share a bridge, for which libvirt does add a port (9.0.0).
 */
function pciePortsOf(spec: DomainSpec): number {
  const { disks, interfaces, inputs, scsiModel, hasGuestAgent, sparePciePorts } = spec;
  const balloonAndRng = 2;
  const plugged = [
    ...disks.filter(({ bus }) => bus === 'virtio'),
    ...interfaces.filter(({ model }) => !bridgedVifs.has(model)),
    ...inputs.filter(({ bus }) => bus === 'virtio'),
    ...[scsiModel === 'virtio-scsi', usesUsb(spec), hasGuestAgent].filter(Boolean),
  ];
  return balloonAndRng + plugged.length + sparePciePorts;
}

const bridgedVifs: ReadonlySet<string> = new Set(['e1000', 'rtl8139', 'vmxnet3']);

function usesUsb({ disks, inputs }: DomainSpec): boolean {
  return disks.some(({ bus }) => bus === 'usb') || inputs.some(({ bus }) => bus === 'usb');
}

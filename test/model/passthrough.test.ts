import { expect, test } from 'vitest';
import { detachedDevices, passthroughDevices } from '../../src/model/passthrough.ts';

const address = (slot: string) => `<source><address domain='0x0000' bus='0x3b' slot='${slot}' function='0x0'/></source>`;
const pci = `<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>${address('0x01')}<alias name='hostdev0'/></hostdev>`;
const port = `<interface type='hostdev' managed='yes'><mac address='fa:16:3e:00:00:01'/>${address('0x02')}</interface>`;
const others = `<hostdev mode='subsystem' type='usb'>${address('0x03')}</hostdev><interface type='bridge'><source bridge='br0'/></interface>`;
const domain = (...devices: readonly string[]) =>
  `<domain type='kvm'><title>ä — ö</title><devices>${devices.join('\n')}</devices></domain>`;

test('the devices of a host in a guest are its PCI devices and the ports that are one, as the document writes them', () => {
  expect(passthroughDevices(domain(others, pci, port))).toEqual([
    { address: '0x0000:0x3b:0x01:0x0', xml: pci },
    { address: '0x0000:0x3b:0x02:0x0', xml: port },
  ]);
});

test('a guest without devices of its host has none', () => {
  expect(passthroughDevices(domain(others))).toEqual([]);
  expect(passthroughDevices('<domain/>')).toEqual([]);
});

test('what was detached is what the definition has and the running guest has not', () => {
  expect(detachedDevices(domain(pci, port, others), domain(others, port)).map(({ xml }) => xml)).toEqual([pci]);
  expect(detachedDevices(domain(pci, port), domain(port, pci))).toEqual([]);
});

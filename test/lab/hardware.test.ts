import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BootImages } from '../../src/activities/accept/images.ts';
import type { Vif } from '../../src/activities/addresses.ts';
import { type Capabilities, capabilitiesOf } from '../../src/activities/capabilities.ts';
import { type Described, domainSpecOf } from '../../src/activities/domain-spec.ts';
import { makeUefiVariables } from '../../src/activities/uefi-variables.ts';
import { DomainCreate, DomainDefine, DomainUndefine, DomainXml } from '../../src/libvirt/index.ts';
import { domainXml } from '../../src/model/domain-xml.ts';
import { withTargets } from '../../src/model/hardware/disk-places.ts';
import { hardwareOf, scsiModels, videoModels, vifModels, watchdogActions } from '../../src/model/hardware/hardware.ts';
import { hardwareProblems } from '../../src/model/hardware/properties.ts';
import type { Disk } from '../../src/model/instance.ts';
import { missingFrom } from '../../src/model/xml-subset.ts';
import { descendantsOf, rootOf } from '../../src/model/xml-tree.ts';
import { type Host, startHost } from './libvirt/world.ts';

type Strings = Readonly<Record<string, string>>;

let host: Host;
let capabilities: Capabilities;
let directory: string;

beforeAll(async () => {
  host = await startHost({ ownNetwork: true });
  capabilities = capabilitiesOf(host.libvirt);
  await host.daemon.inside('ip', ['link', 'add', 'br0', 'type', 'bridge']);
  directory = join(host.daemon.directory, id);
});
afterAll(() => host?.[Symbol.asyncDispose]());
afterEach(() => rm(directory, { recursive: true, force: true }));

const id = '6a1b2c3d-0000-4000-8000-00000000000a';

const instance: Described = {
  id,
  name: 'described',
  projectId: 'demo',
  userId: 'admin',
  flavor: { name: 'two', vcpus: 2, memoryMiB: 64, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
  image: id,
  generation: 1,
};
const vif: Vif = {
  port: { id, network: 'default', mac: 'fa:16:3e:00:00:0a', ip: '192.0.2.10', prefix: 24, gateway: null, tap: 'tap0' },
  bridge: 'br0',
  mtu: 1450,
  dns: [],
};

/** One of each value, and the combinations in which a value means something. */
const variants: readonly Strings[] = [
  {},
  ...['virtio', 'scsi', 'sata', 'usb'].map((hw_disk_bus) => ({ hw_disk_bus })),
  { hw_disk_bus: 'ide', hw_machine_type: 'pc' },
  ...['scsi', 'sata', 'usb'].map((hw_cdrom_bus) => ({ hw_cdrom_bus })),
  { hw_cdrom_bus: 'ide', hw_machine_type: 'pc' },
  ...scsiModels.flatMap((hw_scsi_model) =>
    ['q35', 'pc'].map((hw_machine_type) => ({ hw_disk_bus: 'scsi', hw_scsi_model, hw_machine_type })),
  ),
  ...vifModels.flatMap((hw_vif_model) => ['q35', 'pc'].map((hw_machine_type) => ({ hw_vif_model, hw_machine_type }))),
  ...videoModels.map((hw_video_model) => ({ hw_video_model })),
  ...watchdogActions.map((hw_watchdog_action) => ({ hw_watchdog_action })),
  ...['q35', 'pc'].map((hw_machine_type) => ({
    hw_machine_type,
    hw_watchdog_action: 'reset',
    hw_qemu_guest_agent: 'yes',
    hw_rng_model: 'virtio',
  })),
  ...['usb', 'virtio'].map((hw_input_bus) => ({ hw_input_bus })),
  ...['usbtablet', 'ps2mouse'].map((hw_pointer_model) => ({ hw_pointer_model })),
  { hw_serial_port_count: '4' },
  { hw_boot_menu: 'yes' },
  { os_type: 'windows' },
  { hw_cpu_sockets: '2' },
  { hw_cpu_max_sockets: '1', hw_cpu_threads: '2' },
  ...['q35', 'pc'].map((hw_machine_type) => ({ hw_firmware_type: 'uefi', hw_machine_type })),
];

describe('libvirt keeps all that an image asks for:', () => {
  test.for(variants)('%j', async (properties) => {
    await define(properties);
    await forget();
  });
});

const startedAlways: readonly Strings[] = [
  { hw_machine_type: 'pc', hw_disk_bus: 'ide', hw_vif_model: 'rtl8139' },
  { hw_disk_bus: 'scsi', hw_cdrom_bus: 'scsi', hw_video_model: 'virtio' },
  { hw_disk_bus: 'sata', hw_vif_model: 'e1000', hw_input_bus: 'usb' },
  { hw_watchdog_action: 'reset', hw_qemu_guest_agent: 'yes', hw_rng_model: 'virtio', hw_serial_port_count: '4' },
];

describe('QEMU starts with', () => {
  test.for(process.env['NOVAFLOW_TEST_ALL'] === '1' ? [...startedAlways, ...variants] : startedAlways)('%j', async (properties) => {
    const dom = await define(properties);
    await host.libvirt.domainCreateWithFlags({ dom, flags: DomainCreate.paused });
    await host.libvirt.domainDestroyFlags({ dom });
    await forget();
  });
});

describe('a host refuses, by the name of the property,', () => {
  test.for([
    [{ hw_machine_type: 'pc-q35-99.0' }, 'hw_machine_type'],
    [{ hw_machine_type: 'pc-q35-2.0' }, 'hw_machine_type'],
  ] as readonly (readonly [Strings, string])[])('%j', async ([properties, property]) => {
    await expect(capabilities.choose(hardwareOf({ properties, extraSpecs: {}, vcpus: 1 }))).rejects.toMatchObject({
      type: 'ImageUnusableHere',
      message: expect.stringContaining(property),
    });
  });
});

/** Defines a guest with these properties by the code that defines an instance's, and checks that libvirt kept all of it. */
async function define(properties: Strings): Promise<{ readonly uuid: string }> {
  const wishes = { properties, extraSpecs: {}, vcpus: 2 };
  expect(hardwareProblems(wishes)).toStrictEqual([]);
  await mkdir(directory);
  const hardware = hardwareOf(wishes);
  const choices = await capabilities.choose(hardware);
  if (choices.uefi !== null) await makeUefiVariables(directory, choices.uefi);
  const disks = withTargets(await Promise.all(['disk', 'disk.config'].map(makeDisk)), hardware);
  const image: BootImages = { root: { id, checksum: '', diskFormat: 'raw', virtualSizeBytes: 1 }, kernel: null, ramdisk: null, properties };
  const spec = domainSpecOf(directory, instance, image, disks, [vif], {
    ...choices,
    baseOf: () => '',
    baseFormatOf: 'raw',
    hasScreen: false,
    sharedCpus: null,
  });
  const wanted = domainXml(spec);
  const dom = await host.libvirt.domainDefineXmlFlags({ xml: wanted, flags: DomainDefine.validate });
  const kept = await host.libvirt.domainGetXmlDesc({ dom, flags: DomainXml.inactive });
  expect(missingFrom(wanted, kept)).toStrictEqual([]);
  if (choices.machineType.startsWith('pc-q35-')) expect(freePortsIn(kept)).toBe(8);
  return dom;
}

/** Ports of PCI Express that are left for devices to come. */
function freePortsIn(xml: string): number {
  const root = rootOf(xml);
  const used = new Set(descendantsOf(root, 'address').map(({ attributes }) => Number(attributes['bus'])));
  const ports = descendantsOf(root, 'controller').filter(({ attributes }) => attributes['model'] === 'pcie-root-port');
  return ports.filter(({ attributes }) => !used.has(Number(attributes['index']))).length;
}

async function makeDisk(name: string): Promise<Disk> {
  const path = join(directory, name);
  await writeFile(path, '');
  await truncate(path, 1024 ** 2);
  return { name, target: '', kind: 'raw', format: 'raw', sizeBytes: 1024 ** 2, backing: null };
}

function forget(): Promise<void> {
  return host.libvirt.domainUndefineFlags({ dom: { uuid: id }, flags: DomainUndefine.nvram });
}

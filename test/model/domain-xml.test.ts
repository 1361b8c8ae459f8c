import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { domainXml } from '../../src/model/domain-xml.ts';
import { missingFrom } from '../../src/model/xml-subset.ts';
import { domain, variants } from './domains.ts';

/** What libvirt 9.0.0 wrote back (`virsh dumpxml --inactive`) after `virsh define --validate` of the variant. */
function answerOfLibvirt(variant: string): Promise<string> {
  return readFile(new URL(`fixtures/${variant.replaceAll(' ', '-')}.libvirt-9.0.0.xml`, import.meta.url), 'utf8');
}

function countOf(xml: string, text: string): number {
  return xml.split(text).length - 1;
}

test.for(Object.entries(variants))('libvirt writes back all that we define: %s', async ([name, spec]) => {
  expect(missingFrom(domainXml(spec), await answerOfLibvirt(name))).toStrictEqual([]);
});

test('a field that libvirt lost is found in what it writes back', async () => {
  const lost = (await answerOfLibvirt('q35 by kernel')).replace("<mtu size='1450'/>", '').replace("cache='none'", "cache='writeback'");
  expect(missingFrom(domainXml(domain()), lost)).toStrictEqual([
    'domain/devices/disk[0]/driver/@cache = none, found writeback',
    'domain/devices/interface/mtu (size=1450), found none',
  ]);
});

describe('a domain', () => {
  test('names the format of every disk', () => {
    const drivers = domainXml(domain()).match(/<driver .*>/g);
    expect(drivers).toStrictEqual(['<driver name="qemu" type="qcow2" cache="none"/>', '<driver name="qemu" type="raw" cache="none"/>']);
  });

  test('has zeros looked for on the disks that ask for it, and on no other', () => {
    const disks = domain().disks.map((disk, index) => ({ ...disk, detectsZeroes: index === 0 }));
    expect(domainXml(domain({ disks })).match(/<driver .*>/g)).toStrictEqual([
      '<driver name="qemu" type="qcow2" cache="none" detect_zeroes="on"/>',
      '<driver name="qemu" type="raw" cache="none"/>',
    ]);
  });

  test('with CPUs for itself has each vCPU on one of them, and QEMU on all', () => {
    const xml = domainXml(domain({ vcpus: 3, cpus: { pinned: [6, 4, 5], shared: [0] } })).replaceAll(/\n\s*/g, '');
    expect(xml).toContain('<vcpu placement="static" cpuset="4-6">3</vcpu>');
    const pins = '<vcpupin vcpu="0" cpuset="6"/><vcpupin vcpu="1" cpuset="4"/><vcpupin vcpu="2" cpuset="5"/>';
    expect(xml).toContain(`<cputune>${pins}<emulatorpin cpuset="4-6"/></cputune>`);
  });

  test('with a CPU for one of its vCPUs has the others on those that are shared, and QEMU on all', () => {
    const xml = domainXml(domain({ vcpus: 3, cpus: { pinned: [null, 7, null], shared: [0, 1, 2] } })).replaceAll(/\n\s*/g, '');
    expect(xml).toContain('<vcpu placement="static" cpuset="0-2,7">3</vcpu>');
    const pins = '<vcpupin vcpu="0" cpuset="0-2"/><vcpupin vcpu="1" cpuset="7"/><vcpupin vcpu="2" cpuset="0-2"/>';
    expect(xml).toContain(`<cputune>${pins}<emulatorpin cpuset="0-2,7"/></cputune>`);
  });

  test('without floats over the CPUs that are shared, or over all', () => {
    const shared = domainXml(domain({ cpus: { pinned: null, shared: [0, 2, 3] } }));
    expect(shared).toContain('<vcpu placement="static" cpuset="0,2-3">1</vcpu>');
    expect(domainXml(domain())).toContain('<vcpu placement="static">1</vcpu>');
    expect(shared).not.toContain('cputune');
  });

  test('under KVM has the CPU of its host', () => {
    expect(domainXml(domain({ type: 'kvm', cpu: { mode: 'host-model' } }))).toContain('<cpu mode="host-model" check="partial"/>');
  });

  test('on q35 has a PCIe port for each virtio device and the spare ones', () => {
    const ports = (changes: Parameters<typeof domain>[0]) => countOf(domainXml(domain(changes)), 'model="pcie-root-port"');
    expect(ports({ sparePciePorts: 0 })).toBe(4);
    expect(ports({ sparePciePorts: 4 })).toBe(8);
    expect(ports({ sparePciePorts: 4, hasGuestAgent: true, interfaces: [] })).toBe(8);
  });

  test('on pc has no PCIe port', () => {
    expect(domainXml(domain({ machineType: 'pc-i440fx-7.2' }))).not.toContain('pcie');
  });

  test('boots by what is recorded: from its disk, or from a kernel with or without an initrd', () => {
    const os = (changes: Parameters<typeof domain>[0]) =>
      [...domainXml(domain(changes)).matchAll(/<(kernel|initrd|cmdline|boot)\b/g)].map(([, name]) => name);
    expect(os({ boot: { from: 'disk' } })).toStrictEqual(['boot']);
    expect(os({ boot: { from: 'kernel', kernelPath: '/k', initrdPath: '/i', commandLine: 'quiet' } })).toStrictEqual([
      'kernel',
      'initrd',
      'cmdline',
    ]);
    expect(os({ boot: { from: 'kernel', kernelPath: '/k', initrdPath: null, commandLine: '' } })).toStrictEqual(['kernel']);
  });

  test('leaves the choice of QEMU to libvirt when none is named', () => {
    expect(domainXml(domain({ emulator: null }))).not.toContain('<emulator>');
  });

  test.for([
    ['a control character', 'a\u0001b'],
    ['half of a surrogate pair', 'a\ud800b'],
  ])('is refused when its title holds %s', ([, title = '']) => {
    expect(() => domainXml(domain({ title }))).toThrow('invalid characters');
  });
});

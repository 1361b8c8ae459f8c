import { expect, test } from 'vitest';
import { domainXml } from '../../../src/model/domain-xml.ts';
import { migratableXml } from '../../../src/model/live-migration/migratable-xml.ts';
import { missingFrom } from '../../../src/model/xml-subset.ts';
import { descendantsOf, rootOf } from '../../../src/model/xml-tree.ts';
import { domain, variants } from '../domains.ts';

const same = {
  listenAddress: '127.0.0.1',
  instancesDir: { source: '/instances', destination: '/instances' },
  wholeDisks: [],
  devices: {},
  cpus: null,
};
const screen = `<domain type='kvm'><devices>
  <graphics type='vnc' port='5901' autoport='yes' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/></graphics>
  <graphics type='spice' autoport='yes' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/></graphics>
  <graphics type='vnc' socket='/run/s'><listen type='socket' socket='/run/s'/></graphics>
  <serial type='tcp'><source mode='bind' host='10.0.0.1' service='7000'/></serial>
  <serial type='tcp'><source mode='connect' host='10.9.9.9' service='7000'/></serial></devices></domain>`;

test.for(Object.entries(variants))('%s stays as it is where nothing differs', ([, spec]) => {
  const before = domainXml(spec);
  const after = migratableXml(before, same);
  expect(missingFrom(before, after)).toEqual([]);
  expect(missingFrom(after, before)).toEqual([]);
});

test('screens and consoles that listen at the source listen at the destination, and those that connect stay', () => {
  const after = migratableXml(screen, { ...same, listenAddress: '10.0.0.2' });
  const root = rootOf(after);
  expect(descendantsOf(root, 'graphics').map(({ attributes }) => attributes['listen'])).toEqual(['10.0.0.2', '10.0.0.2', undefined]);
  expect(descendantsOf(root, 'listen').map(({ attributes }) => attributes['address'])).toEqual(['10.0.0.2', '10.0.0.2', undefined]);
  expect(descendantsOf(root, 'source').map(({ attributes }) => attributes['host'])).toEqual(['10.0.0.2', '10.9.9.9']);
});

test('paths below the instances of the source lie below those of the destination, in attributes and in text', () => {
  const spec = variants['q35 by kernel'];
  if (spec === undefined) throw new Error('there is no such domain');
  const after = migratableXml(domainXml(spec), { ...same, instancesDir: { source: '/instances', destination: '/srv/vm' } });
  expect(after).not.toContain('/instances/');
  expect(after).toContain('<kernel>/srv/vm/1/kernel</kernel>');
  expect(after).toContain('file="/srv/vm/1/disk"');
  expect(after).toContain('file="/srv/vm/_base/0a"');
});

test('a disk that arrives whole stands on nothing there', () => {
  const spec = variants['q35 by kernel'];
  if (spec === undefined) throw new Error('there is no such domain');
  const after = migratableXml(domainXml(spec), { ...same, wholeDisks: ['vda'] });
  expect(after).not.toContain('_base');
  const [disk] = descendantsOf(rootOf(after), 'disk');
  expect(disk && descendantsOf(disk, 'backingStore').map(({ children }) => children.length)).toEqual([0]);
});

test('a whole device is the one of that disk at the destination, and others stay what they are', () => {
  const disk = (target: string, dev: string) =>
    `<disk type='block' device='disk'><source dev='${dev}' index='1'/><target dev='${target}' bus='virtio'/></disk>`;
  const before = `<domain type='kvm'><devices>${disk('vda', '/dev/loop1')}${disk('vdb', '/dev/loop2')}</devices></domain>`;
  const after = migratableXml(before, { ...same, devices: { vda: '/dev/loop7' } });
  expect(descendantsOf(rootOf(after), 'source').map(({ attributes }) => attributes['dev'])).toEqual(['/dev/loop7', '/dev/loop2']);
});

const pinned = domain({ vcpus: 2, cpus: { pinned: [4, 5], shared: [0] } });
const sharing = domain({ vcpus: 2, cpus: { pinned: null, shared: [0, 1, 2] } });
const anywhere = domain({ vcpus: 2 });

test.for([
  [
    'a guest with CPUs of its own has those that its destination gives it',
    pinned,
    domain({ vcpus: 2, cpus: { pinned: [1, 9], shared: [0] } }),
  ],
  [
    'one vCPU with its own CPU has that of its destination, and the others float there',
    domain({ vcpus: 2, cpus: { pinned: [4, null], shared: [0, 1] } }),
    domain({ vcpus: 2, cpus: { pinned: [9, null], shared: [2, 3] } }),
  ],
  [
    'a guest that floats over shared CPUs floats over those of its destination',
    sharing,
    domain({ vcpus: 2, cpus: { pinned: null, shared: [8, 9] } }),
  ],
  ['a guest floats over all CPUs of a destination that sets none apart', sharing, anywhere],
  ['a guest that floated over all floats over the shared ones of its destination', anywhere, sharing],
] as const)('%s', ([, before, there]) => {
  const after = migratableXml(domainXml(before), { ...same, cpus: there.cpus });
  expect(missingFrom(domainXml(there), after)).toEqual([]);
  expect(missingFrom(after, domainXml(there))).toEqual([]);
});

test('what else is tuned of its CPUs stays, but where the source pinned it', () => {
  const before = "<domain><cputune><shares>9</shares><vcpupin vcpu='0' cpuset='4'/><emulatorpin cpuset='4'/></cputune></domain>";
  expect(migratableXml(before, same)).toBe('<domain><cputune><shares>9</shares></cputune></domain>');
});

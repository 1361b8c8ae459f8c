import { describe, expect, test } from 'vitest';
import { jobOwner, liveCopyPaths } from '../../src/model/live-copy.ts';
import { agentOf, copyTargetXml, domainTypeOf, liveDiskOf } from '../../src/model/live-disk.ts';

const directory = '/var/lib/nova/instances/6a1b2c3d-0000-4000-8000-000000000001';
const image = '6a1b2c3d-0000-4000-8000-00000000000a';

/** As libvirt 9 writes a running guest with a config drive and an overlay. */
const domain = (parts: { disk?: string; devices?: string } = {}) => `
  <domain type='qemu' id='3'><devices>
    <disk type='file' device='cdrom'><source file='${directory}/disk.config'/><target dev='vdb' bus='sata'/></disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/><source file='${directory}/disk' index='1'/>
      ${parts.disk ?? ''}<target dev='vda' bus='virtio'/>
    </disk>${parts.devices ?? ''}
  </devices></domain>`;
const backing = (format: string) => `
  <backingStore type='file' index='3'><format type='${format}'/><source file='/base &amp; co'/><backingStore/></backingStore>`;

describe('a disk of a running guest', () => {
  test.for(['raw', 'qcow2'] as const)('stands on a base of format %s', (format) => {
    expect(liveDiskOf(domain({ disk: backing(format) }), 'vda')).toStrictEqual({ base: { path: '/base & co', format }, mirror: null });
  });

  test.for(['', '<backingStore/>'])('stands on none', (disk) => {
    expect(liveDiskOf(domain({ disk }), 'vda')).toStrictEqual({ base: null, mirror: null });
  });

  test('that stands on something else is not read', () => {
    expect(() => liveDiskOf(domain({ disk: backing('vmdk') }), 'vda')).toThrow('base /base & co has the format vmdk');
  });

  test.for<[string, boolean]>([
    ["job='copy'", false],
    ["job='copy' ready='yes'", true],
    ["job='copy' ready='abort'", false],
  ])('with a mirror %s is ready: %s', ([attributes, isReady]) => {
    const mirror = `<mirror type='file' file='/x' format='qcow2' ${attributes}><format type='qcow2'/><source file='/x' index='5'>${backing('raw')}</source></mirror>`;
    expect(liveDiskOf(domain({ disk: `${backing('raw')}${mirror}` }), 'vda')).toStrictEqual({
      base: { path: '/base & co', format: 'raw' },
      mirror: { path: '/x', isReady },
    });
  });

  test('that is mirrored over the network is mirrored to no file', () => {
    const mirror = "<mirror type='network' job='copy'><source protocol='nbd' name='x'/></mirror>";
    expect(liveDiskOf(domain({ disk: mirror }), 'vda').mirror).toStrictEqual({ path: null, isReady: false });
  });

  test('that is not there is said so', () => {
    expect(() => liveDiskOf(domain(), 'vdc')).toThrow('the domain has no disk vdc');
  });
});

test('a domain says which hypervisor runs it', () => {
  expect(domainTypeOf(domain())).toBe('qemu');
});

test.for([
  ['none', ''],
  ['none', "<channel type='unix'><target type='virtio' name='other' state='connected'/></channel>"],
  ['silent', "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/></channel>"],
  ['silent', "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"],
  ['connected', "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>"],
] as const)('the agent is %s where the domain has %s', ([state, devices]) => {
  expect(agentOf(domain({ devices }))).toBe(state);
});

test('a path with characters of XML is written as libvirt reads it', () => {
  expect(copyTargetXml("/a'b&c<d")).toBe('<disk type="file"><driver name="qemu" type="qcow2"/><source file="/a\'b&amp;c&lt;d"/></disk>');
});

test.for([
  ['nobody', false, null],
  ['us', true, { path: liveCopyPaths(directory, image).partial, isReady: true }],
  ['us', false, { path: liveCopyPaths(directory, image).partial, isReady: false }], // as libvirt shows it for a moment after its restart
  ['over', true, { path: liveCopyPaths(directory, '6a1b2c3d-0000-4000-8000-00000000000b').partial, isReady: false }],
  ['others', true, null], // a migration
  ['others', true, { path: null, isReady: true }],
  ['others', true, { path: '/srv/backup/copy.partial', isReady: true }],
  ['others', true, { path: `${directory}-of-another/snapshots/${image}/copy.partial`, isReady: true }],
] as const)('a job belongs to %s when libvirt knows of one: %s, with the mirror %j', ([owner, isFound, mirror]) => {
  expect(jobOwner(isFound, mirror, directory, image)).toBe(owner);
});

import { expect, test } from 'vitest';
import { domainXml } from '../../../src/model/domain-xml.ts';
import { hardwareIn, whyUnmovable } from '../../../src/model/live-migration/movable.ts';
import { domain, variants } from '../domains.ts';

test.for(Object.entries(variants))('%s can move', ([, spec]) => {
  expect(whyUnmovable(domainXml(spec))).toEqual([]);
});

test.for([
  ["<hostdev mode='subsystem' type='pci'/>", 'a device of its host'],
  ["<interface type='hostdev'/>", 'a network device of its host'],
  ["<filesystem type='mount'/>", 'a directory of its host'],
  ["<shmem name='s'/>", 'memory that it shares with others'],
  ["<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", "its host's TPM"],
  ["<disk type='block' device='lun'/>", "a whole SCSI device (disk device='lun')"],
])('a guest with %s cannot move', ([device, what]) => {
  expect(whyUnmovable(`<domain type='kvm'><devices>${device}${device}</devices></domain>`)).toEqual([what]);
});

test.for(["<tpm model='tpm-crb'><backend type='emulator'/></tpm>", "<disk type='file' device='disk'/>", "<interface type='bridge'/>"])(
  'a guest with %s can move',
  (device) => {
    expect(whyUnmovable(`<domain type='kvm'><devices>${device}</devices></domain>`)).toEqual([]);
  },
);

test('a destination is told of machine, processor, screens and memory', () => {
  const xml = domainXml(domain({ vnc: { listenAddress: '127.0.0.1' } }));
  expect(hardwareIn(xml)).toEqual({
    virtType: 'qemu',
    arch: 'x86_64',
    machineType: 'pc-q35-7.2',
    cpuXml: expect.stringMatching(/^<cpu [\s\S]*qemu64[\s\S]*<\/cpu>$/),
    graphics: ['vnc'],
    memoryMiB: 64,
  });
});

test('a domain without a machine is none', () => {
  expect(() => hardwareIn('<domain><os/></domain>')).toThrow('names no machine');
});

import { expect, test } from 'vitest';
import { type SnapshotCircumstances, snapshotMode } from '../../src/model/snapshot-mode.ts';

const usual: SnapshotCircumstances = {
  wanted: 'auto',
  hypervisor: 'kvm',
  backend: 'qcow2',
  isEncrypted: false,
  isLiveDisabled: false,
  powerState: 'running',
  probeCode: 55,
};

test.for<[string, Partial<SnapshotCircumstances>]>([
  ['runs under KVM', {}],
  ['is emulated', { hypervisor: 'qemu' }],
  ['has a whole file as its disk', { backend: 'raw' }],
  ['has a whole device as its disk', { backend: 'isolate' }],
  ['is on a host whose libvirt had nothing to say of block jobs', { probeCode: null }],
  ['is on a host whose libvirt answered the probe with another error', { probeCode: 1 }],
  ['is asked for one', { wanted: 'live' }],
])('a guest that %s has its snapshot taken live', ([, changes]) => {
  expect(snapshotMode({ ...usual, ...changes })).toStrictEqual({ mode: 'live', reasons: [], refusal: null });
});

const obstacles: readonly (readonly [string, Partial<SnapshotCircumstances>, string])[] = [
  ['under another hypervisor', { hypervisor: 'lxc' }, 'the hypervisor is lxc, neither QEMU nor KVM'],
  ['on a logical volume', { backend: 'lvm' }, 'the disk is a logical volume'],
  ['with encrypted ephemeral storage', { isEncrypted: true }, 'the ephemeral storage is encrypted'],
  ['on a host that has it disabled', { isLiveDisabled: true }, 'the host has disableLiveSnapshot set'],
  ['that is stopped', { powerState: 'shutdown', probeCode: null }, 'the guest is shutdown, not running'],
  ['that is paused', { powerState: 'paused', probeCode: null }, 'the guest is paused, not running'],
  ['that crashed', { powerState: 'crashed', probeCode: null }, 'the guest is crashed, not running'],
  ['that sleeps by its own will', { powerState: 'suspended', probeCode: null }, 'the guest is suspended, not running'],
  ['without a domain', { powerState: 'nostate', probeCode: null }, 'the guest is nostate, not running'],
  ['whose QEMU has no block jobs', { probeCode: 67 }, "the host's QEMU has no block jobs"],
];

test.for(obstacles)('the snapshot of a guest %s is taken cold, and says why', ([, changes, reason]) => {
  expect(snapshotMode({ ...usual, ...changes })).toStrictEqual({ mode: 'cold', reasons: [reason], refusal: null });
});

test.for(obstacles)('a live snapshot of a guest %s is refused, and says why', ([, changes, reason]) => {
  expect(snapshotMode({ ...usual, ...changes, wanted: 'live' })).toStrictEqual({
    mode: 'cold',
    reasons: [reason],
    refusal: `must not be live: ${reason}`,
  });
});

test('all that stands against a live snapshot is told at once', () => {
  const { reasons, refusal } = snapshotMode({ ...usual, wanted: 'live', backend: 'lvm', powerState: 'paused', probeCode: null });
  expect(reasons).toStrictEqual(['the disk is a logical volume', 'the guest is paused, not running']);
  expect(refusal).toBe('must not be live: the disk is a logical volume; the guest is paused, not running');
});

test.for(obstacles)('a cold snapshot of a guest %s is taken as asked for', ([, changes]) => {
  expect(snapshotMode({ ...usual, ...changes, wanted: 'cold' })).toStrictEqual({
    mode: 'cold',
    reasons: ['a cold snapshot was asked for'],
    refusal: null,
  });
});

import { expect, test } from 'vitest';
import { arrivalsOn, type DeviceArrivals } from '../../../src/activities/disks/device-arrivals.ts';
import type { Disk } from '../../../src/model/instance.ts';

const wanted = { disk: 'disk', sizeBytes: 1024, isExact: false };
const volume = { ...wanted, kind: 'lvm' } as const;
const disk: Disk = { name: 'disk', target: 'vda', kind: 'lvm', format: 'raw', sizeBytes: 1024, device: '/dev/vg/disk', backing: null };

test('each disk gets a device of its own kind; one that names none is of a run that knew whole devices alone', async () => {
  const arrivals = arrivalsOn('cn1', { isolate: giving('/dev/loop7'), lvm: giving('/dev/vg/disk') });
  const taken = await arrivals.take('instance', [wanted, { ...wanted, kind: 'isolate' }, volume]);
  expect(taken.map(({ path }) => path)).toEqual(['/dev/loop7', '/dev/loop7', '/dev/vg/disk']);
});

test('of two kinds nothing is taken where one of them refuses', async () => {
  const taken: string[] = [];
  const arrivals = arrivalsOn('cn1', { isolate: giving('/dev/loop7', { taken }), lvm: giving('/dev/vg/disk', { refusal: 'it is full' }) });
  expect(await arrivals.whyNot('instance', [wanted, volume])).toBe('it is full');
  await expect(arrivals.take('instance', [wanted, volume])).rejects.toMatchObject({ type: 'DiskSpaceLow', message: 'it is full' });
  expect(taken).toEqual([]);
});

test('a host without a volume group says so', async () => {
  const arrivals = arrivalsOn('cn1', { isolate: giving('/dev/loop7'), lvm: null });
  const message = 'cn1 has no volume group for disk: lvm.volumeGroup is not set';
  expect(await arrivals.whyNot('instance', [volume])).toBe(message);
  await expect(arrivals.begin('instance', disk)).rejects.toMatchObject({ type: 'DestinationDiskExists', message });
  await arrivals.clear('instance');
});

/** Devices that are all at one path; `taken`: where it is noted that they were asked for. */
function giving(path: string, { refusal = null, taken = [] }: { refusal?: string | null; taken?: string[] } = {}): DeviceArrivals {
  return {
    whyNot: async () => refusal,
    take: async (_instanceId, disks) => {
      if (disks.length > 0) taken.push(path);
      return disks.map((one) => ({ path, disk: one.disk, sizeBytes: one.sizeBytes, isToClear: false }));
    },
    clear: async () => {},
    begin: async () => {},
    finish: async () => {},
  };
}

import { describe, expect, test } from 'vitest';
import { type Difference, differencesOf, diskRoom, lastingDifferences, leftoverClaims, type Measured } from '../../src/model/audit.ts';
import type { Disk, Instance } from '../../src/model/instance.ts';
import type { HostScene } from '../../src/model/verify/scene.ts';
import { after, host, instance, listing, operation, otherId, seen, tidyHost, webId } from './verify/tidy-host.ts';

const GiB = 1024 ** 3;
const { vcpus, memoryMiB, diskGiB } = host().inventory;

function measured(changes: Partial<Measured> = {}): Measured {
  const fileSystems = [{ directory: '/instances', sizeBytes: 100 * GiB, freeBytes: 50 * GiB }];
  return { inventory: { vcpus, memoryMiB, diskGiB }, fileSystems, files: [], ...changes };
}

function facts(differences: readonly Difference[]): readonly string[] {
  return differences.map(({ kind, what }) => `${kind}: ${what}`);
}

const claimOf = (instanceId: string) => ({ id: `claim-${instanceId}`, instanceId, vcpus: 1, memoryMiB: 512, diskGiB: 1 });

describe('an audit', () => {
  test('of a host that is as its record says finds nothing', () => {
    expect(differencesOf(tidyHost(), measured())).toEqual([]);
  });

  test.for<[string, Partial<HostScene>, Partial<Measured>, RegExp]>([
    ['an instance without a claim', { record: host({ claims: [] }) }, {}, /^ClaimMissing: instance .* has no claim$/],
    [
      'a claim without an instance',
      { record: host({ claims: [...host().claims, claimOf(otherId)] }) },
      {},
      /^UnknownClaim: claim .* of instance /,
    ],
    [
      'a claim of another size than the flavor',
      { record: host({ claims: host().claims.map((claim) => ({ ...claim, memoryMiB: 1 })) }) },
      {},
      /^ClaimDiffers: .* 1 MiB memory/,
    ],
    [
      'a domain that nobody knows',
      { listing: listing({ domains: [...listing().domains, { instanceId: otherId, powerState: 'running', blockJobs: [] }] }) },
      {},
      /^UnknownDomain: domain of instance .*, running$/,
    ],
    ['an instance without a domain', { listing: listing({ domains: [] }) }, {}, /^DomainMissing: instance .* has no domain$/],
    [
      'a directory of nobody',
      {
        listing: listing({
          instances: {
            ...listing().instances,
            perInstance: [...listing().instances.perInstance, { instanceId: otherId, files: ['disk'] }],
          },
        }),
      },
      {},
      /^UnknownDirectory: \/instances\/.* takes disk that nobody claimed$/,
    ],
    [
      'memory that was taken out',
      {},
      { inventory: { vcpus, memoryMiB: 1, diskGiB } },
      /^InventoryDiffers: memoryMiB is 1, the record says \d+$/,
    ],
    [
      'processors that were added',
      {},
      { inventory: { vcpus: 999, memoryMiB, diskGiB } },
      /^InventoryDiffers: vcpus is 999, the record says \d+$/,
    ],
    [
      'disks that may grow to more than there is',
      { instances: seen(instance({ disks: [overlay(80 * GiB)] })) },
      {},
      /^DiskOverCommitted: /,
    ],
  ])('names %s', ([, scene, changes, expected]) => {
    expect(facts(differencesOf(tidyHost(scene), measured(changes)))).toEqual([expect.stringMatching(expected)]);
  });

  test('does not judge an instance that an operation holds', () => {
    const busy = tidyHost({ instances: seen(instance({ operation })), record: host({ claims: [] }), listing: listing({ domains: [] }) });
    expect(differencesOf(busy, measured())).toEqual([]);
  });

  test('keeps of two looks what both found', () => {
    const [one, other]: readonly Difference[] = [
      { kind: 'ClaimMissing', what: 'a', likelyCause: '' },
      { kind: 'ClaimMissing', what: 'b', likelyCause: '' },
    ];
    if (one === undefined || other === undefined) throw new Error('there are two');
    expect(lastingDifferences([one], [other, one])).toEqual([one]);
  });
});

test.for<[string, number, Partial<Disk>]>([
  ['an overlay', 15, {}],
  ['a raw root disk', 15, { kind: 'raw', format: 'raw' }],
  ['an ephemeral disk', 15, { name: 'disk.eph0', kind: 'raw', format: 'raw' }],
  ['a swap disk', 15, { name: 'disk.swap', kind: 'raw', format: 'raw' }],
  ['a config drive', 0, { name: 'disk.config', kind: 'raw', format: 'raw' }],
  ['a logical volume', 0, { kind: 'lvm', format: 'raw', device: '/dev/vg/disk' }],
  ['a whole device', 0, { kind: 'isolate', format: 'raw', device: '/dev/sdb' }],
])('%s of 20 GiB that takes 5 GiB counts as one that may still grow by %d GiB', ([, growthGiB, changes]) => {
  const disk = { ...overlay(20 * GiB), ...changes };
  const files = [{ instanceId: webId, name: disk.name, allocatedBytes: 5 * GiB }];
  expect(diskRoom(tidyHost({ instances: seen(instance({ disks: [disk] })) }), measured({ files }))).toEqual({
    freeBytes: 50 * GiB,
    overCommittedBytes: growthGiB * GiB,
    availableLeastBytes: (50 - growthGiB) * GiB,
  });
});

test('what the disks of an instance may still grow by is summed up', () => {
  const disks = [overlay(20 * GiB), { ...overlay(10 * GiB), name: 'disk.local', kind: 'raw' as const, format: 'raw' as const }];
  const files = [{ instanceId: webId, name: 'disk', allocatedBytes: 5 * GiB }];
  expect(diskRoom(tidyHost({ instances: seen(instance({ disks })) }), measured({ files }))).toMatchObject({ overCommittedBytes: 25 * GiB });
});

test('a disk that takes more than its size, by its tables, may not shrink the sum of the others', () => {
  const files = [{ instanceId: webId, name: 'disk', allocatedBytes: 2 * GiB }];
  expect(diskRoom(tidyHost({ instances: seen(instance({ disks: [overlay(GiB)] })) }), measured({ files }))).toMatchObject({
    overCommittedBytes: 0,
  });
});

describe('a claim is given back', () => {
  const record = host({ claims: [claimOf(otherId)] });
  const leftovers = (changes: Partial<Instance> | null, workedOn: readonly string[] = []) =>
    leftoverClaims(
      tidyHost({ record, instances: changes === null ? new Map() : seen(instance({ id: otherId, ...changes })) }),
      new Set(workedOn),
    ).map(({ instanceId }) => instanceId);

  test.for<[string, Partial<Instance> | null, readonly string[], boolean]>([
    ['whose instance is deleted', { vmState: 'deleted', host: null }, [], true],
    ['whose instance has no record any more', null, [], true],
    ['whose instance has no record, but an operation', null, [otherId], false],
    ['whose instance is deleted, by an operation that is not over', { vmState: 'deleted', host: null }, [otherId], false],
    ['whose instance was deleted after the look began', { vmState: 'deleted', host: null, updatedAt: after }, [], false],
    ['whose instance is being built', { host: null, operation }, [], false],
    ['whose instance has no host yet', { host: null, vmState: 'building' }, [], false],
    ['whose instance failed and is on no host', { host: null, vmState: 'error' }, [], false],
    ['whose instance is on another host', { host: 'cn2' }, [], false],
    ['whose instance is here', { host: 'cn1' }, [], false],
  ])('%s: %s', ([, changes, workedOn, is]) => {
    expect(leftovers(changes, workedOn)).toEqual(is ? [otherId] : []);
  });

  test('but not while the host owes the removal of its instance', () => {
    const owing = host({ claims: [claimOf(otherId)], debts: [{ instanceId: otherId, what: 'remove the instance', since: after }] });
    const scene = tidyHost({ record: owing, instances: seen(instance({ id: otherId, vmState: 'deleted', host: null })) });
    expect(leftoverClaims(scene, new Set())).toEqual([]);
  });
});

function overlay(sizeBytes: number): Disk {
  return { name: 'disk', target: 'vda', kind: 'qcow2', format: 'qcow2', sizeBytes, backing: null };
}

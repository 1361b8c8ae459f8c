import { describe, expect, test } from 'vitest';
import type { CpuThreadPolicy } from '../../src/model/cpus/policy.ts';
import type { HostReport } from '../../src/model/host.ts';
import { keptForMigration } from '../../src/model/host-claims.ts';
import {
  type ClaimRequest,
  carriedOver,
  claimed,
  emptyHost,
  enabled,
  type HostState,
  owing,
  paid,
  refusalToClaim,
  reported,
  settled,
  unattended,
  unclaimed,
} from '../../src/model/host-record.ts';
import { core } from './cpus/hosts.ts';
import { report } from './hosts.ts';
import { at } from './tenures.ts';

function heard(state: HostState, second: number, changes: Partial<HostReport> = {}, session = 'first', isAttending = true): HostState {
  return reported(state, 'cn1', { session, isAttending, report: { ...report, ...changes } }, at(second));
}

function claimOf(instanceId: string, changes: Partial<ClaimRequest> = {}): ClaimRequest {
  return { id: `claim-${instanceId}`, instanceId, generation: 1, vcpus: 2, memoryMiB: 4096, diskGiB: 20, ...changes };
}

const up = heard(emptyHost, 1);
const withClaim = claimed(up, claimOf('web1'));

describe('a host that reports', () => {
  test('for the first time is up, enabled and empty, with what may be claimed of it', () => {
    expect(up.record).toMatchObject({
      name: 'cn1',
      state: 'up',
      stateSince: at(1),
      downReason: null,
      enabled: true,
      disabledReason: null,
      address: '192.0.2.1',
      claims: [],
      debts: [],
      used: { vcpus: 0, memoryMiB: 0, diskGiB: 0 },
      free: { vcpus: 32, memoryMiB: 23_808, diskGiB: 100 },
      reportedAt: at(1),
    });
    expect(up.record).not.toHaveProperty('unusable');
  });

  test('again keeps its claims and what operators decided, and counts by the new numbers', () => {
    const disabled = enabled(withClaim, false, 'new disks');
    const next = heard(disabled, 5, { ratios: { vcpus: 1, memory: 1, disk: 1 } });
    expect(next.record).toMatchObject({
      enabled: false,
      disabledReason: 'new disks',
      state: 'up',
      stateSince: at(1),
      reportedAt: at(5),
      claims: [{ id: 'claim-web1', instanceId: 'web1', vcpus: 2, memoryMiB: 4096, diskGiB: 20 }],
      used: { vcpus: 2, memoryMiB: 4096, diskGiB: 20 },
      free: { vcpus: 6, memoryMiB: 11_776, diskGiB: 80 },
    });
  });

  test('that its hypervisor cannot be used is down, and up again when it can', () => {
    const down = heard(up, 5, { unusable: 'libvirtd does not answer' });
    expect(down.record).toMatchObject({ state: 'down', downReason: 'libvirtd does not answer', stateSince: at(5) });
    expect(heard(down, 6, { unusable: 'libvirtd does not answer' }).record).toMatchObject({ stateSince: at(5), reportedAt: at(6) });
    expect(heard(down, 7).record).toMatchObject({ state: 'up', downReason: null, stateSince: at(7) });
  });
});

describe('a worker that is heard no more', () => {
  test('takes its host down, with the reason', () => {
    const down = unattended(up, 'not heard for 10 s', at(20));
    expect(down.record).toMatchObject({ state: 'down', downReason: 'not heard for 10 s', stateSince: at(20), reportedAt: at(1) });
  });

  test('says nothing of the worker that took its place and reported in the meantime', () => {
    const replaced = heard(up, 5, {}, 'second', false);
    expect(unattended(replaced, 'not heard for 10 s', at(20))).toBe(replaced);
    const attending = heard(replaced, 6, {}, 'second', true);
    expect(unattended(attending, 'not heard for 10 s', at(20)).record).toMatchObject({ state: 'down' });
  });

  test('leaves a host that is down as it is', () => {
    const down = heard(up, 5, { unusable: 'libvirtd does not answer' });
    expect(unattended(down, 'not heard for 10 s', at(20))).toBe(down);
    expect(unattended(emptyHost, 'not heard for 10 s', at(20))).toBe(emptyHost);
  });
});

test('an operator’s decision is kept with its reason, and the reason goes with it', () => {
  const disabled = enabled(up, false, 'new disks');
  expect(disabled.record).toMatchObject({ enabled: false, disabledReason: 'new disks', state: 'up' });
  expect(enabled(disabled, true, 'ignored').record).toMatchObject({ enabled: true, disabledReason: null });
  expect(enabled(emptyHost, false, 'new disks')).toBe(emptyHost);
});

const full = claimed(up, claimOf('big', { memoryMiB: 23_000 }));

/** By the words of the test's name: the state, the claim, and type and sentence of the refusal, or null. */
const claims: readonly [string, HostState, ClaimRequest, [string, string] | null][] = [
  ['a claim that fits is taken', up, claimOf('web1'), null],
  ['a claim of all that is free is taken', up, claimOf('web1', { vcpus: 32, memoryMiB: 23_808, diskGiB: 100 }), null],
  ['a claim on a host that never reported is refused', emptyHost, claimOf('web1'), ['HostNotFound', 'the host never reported']],
  [
    'a claim on a host that is down is refused',
    unattended(up, 'not heard for 10 s', at(20)),
    claimOf('web1'),
    ['HostUnavailable', 'cn1 is down: not heard for 10 s'],
  ],
  [
    'a claim on a disabled host is refused with the operator’s reason',
    enabled(up, false, 'new disks'),
    claimOf('web1'),
    ['HostUnavailable', 'cn1 is disabled: new disks'],
  ],
  [
    'a claim on a host disabled without a reason is refused too',
    enabled(up, false, null),
    claimOf('web1'),
    ['HostUnavailable', 'cn1 is disabled: no reason given'],
  ],
  ['a claim that does not fit is refused', full, claimOf('web1'), ['CapacityTaken', 'cn1 has 808 MiB memory free, 4096 wanted']],
  [
    'a claim that was released before is refused',
    unclaimed(withClaim, { instanceId: 'web1', generation: 1 }),
    claimOf('web1'),
    ['StaleToken', 'the claim of web1 was released before'],
  ],
  [
    'a claim of a later operation is taken',
    unclaimed(withClaim, { instanceId: 'web1', generation: 1 }),
    claimOf('web1', { generation: 2 }),
    null,
  ],
  ['a claim that is there is taken again on a full host', full, claimOf('big', { memoryMiB: 23_000 }), null],
  ['a claim that is there is taken again on a disabled host', enabled(full, false, null), claimOf('big', { memoryMiB: 23_000 }), null],
];

test.for(claims)('%s', ([, state, claim, expected]) => {
  const refused = refusalToClaim(state, claim);
  expect(refused === null ? null : [refused.type, refused.message]).toStrictEqual(expected);
});

describe('a claim', () => {
  test('counts once however often it is made, and is kept without its generation', () => {
    expect(withClaim.record).toMatchObject({
      claims: [{ id: 'claim-web1', instanceId: 'web1', vcpus: 2, memoryMiB: 4096, diskGiB: 20 }],
      used: { vcpus: 2, memoryMiB: 4096, diskGiB: 20 },
      free: { vcpus: 30, memoryMiB: 19_712, diskGiB: 80 },
    });
    expect(withClaim.record?.claims[0]).not.toHaveProperty('generation');
    expect(claimed(withClaim, claimOf('web1'))).toBe(withClaim);
  });

  test('is released with all others of its instance, and of no other', () => {
    const many = claimed(claimed(withClaim, claimOf('web1', { id: 'resize' })), claimOf('web2'));
    const next = unclaimed(many, { instanceId: 'web1', generation: 1 });
    expect(next.record).toMatchObject({ claims: [{ instanceId: 'web2' }], free: { vcpus: 30 } });
    expect(next.fences).toStrictEqual([{ owner: 'web1', generation: 1 }]);
  });

  test('is released alone by its id', () => {
    const many = claimed(withClaim, claimOf('web1', { id: 'resize' }));
    expect(unclaimed(many, { id: 'resize', instanceId: 'web1', generation: 1 }).record?.claims).toMatchObject([{ id: 'claim-web1' }]);
  });

  test('of another instance is not released by its id', () => {
    expect(unclaimed(withClaim, { id: 'claim-web1', instanceId: 'web2', generation: 1 }).record?.claims).toHaveLength(1);
  });

  test('that never came is fenced by its release all the same', () => {
    expect(unclaimed(up, { instanceId: 'web9', generation: 4 }).fences).toStrictEqual([{ owner: 'web9', generation: 4 }]);
    expect(unclaimed(emptyHost, { instanceId: 'web9', generation: 4 })).toBe(emptyHost);
  });
});

describe('a claim of CPUs for an instance alone', () => {
  const guestCpus = { dedicated: [core(0, 4, 5), core(0, 6, 7)], shared: [0, 1, 2, 3] };
  const host = heard(emptyHost, 1, { inventory: { ...report.inventory, guestCpus } });
  const dedicated = (instanceId: string, threadPolicy: CpuThreadPolicy = 'prefer') =>
    claimOf(instanceId, { dedicatedCpus: { threadPolicy } });
  const cpusOf = ({ record }: HostState) => record?.claims.map(({ cpus }) => cpus?.pinned);
  const one = claimed(host, dedicated('web1'));

  test('is given them, which no other gets, and leaves those that are shared to others', () => {
    expect(one.record).toMatchObject({
      claims: [{ vcpus: 2, cpus: { pinned: [4, 5], withheld: [] } }],
      used: { vcpus: 0, memoryMiB: 4096 },
    });
    expect(one.record?.claims[0]).not.toHaveProperty('dedicatedCpus');
    expect(cpusOf(claimed(one, dedicated('web2')))).toStrictEqual([
      [4, 5],
      [6, 7],
    ]);
  });

  test('is refused, and changes nothing, where there are not so many, or not on such cores', () => {
    const few = claimed(one, claimOf('web2', { vcpus: 1, dedicatedCpus: { threadPolicy: 'prefer' } }));
    const message = 'cn1 has 1 of 4 dedicated CPUs free, 2 wanted';
    expect(refusalToClaim(few, dedicated('web3'))).toStrictEqual({ type: 'CapacityTaken', message });
    expect(claimed(few, dedicated('web3'))).toBe(few);
    expect(refusalToClaim(one, dedicated('web2', 'isolate'))?.message).toContain('but not 2 on cores that nobody uses');
    expect(refusalToClaim(up, dedicated('web1'))?.message).toBe('cn1 has 0 of 0 dedicated CPUs free, 2 wanted');
  });

  test('is refused for want of memory or disk as any other is', () => {
    expect(refusalToClaim(host, { ...dedicated('web1'), diskGiB: 101 })?.message).toBe('cn1 has 100 GiB disk free, 101 wanted');
  });

  test('and of shared ones takes of each what it wants', () => {
    const mixed = claimOf('web2', { vcpus: 3, dedicatedCpus: { threadPolicy: 'prefer', only: [2] } });
    const both = claimed(one, mixed);
    expect(both.record).toMatchObject({ claims: [{}, { vcpus: 3, cpus: { pinned: [6] } }], used: { vcpus: 2 } });
    expect(refusalToClaim(one, { ...mixed, vcpus: 40 })?.message).toBe('cn1 has 32 vCPUs free, 39 wanted');
  });

  test('has the same when it is made again, and gives them back with itself', () => {
    expect(refusalToClaim(one, dedicated('web1'))).toBeNull();
    expect(claimed(one, dedicated('web1'))).toBe(one);
    const next = claimed(unclaimed(one, { instanceId: 'web1', generation: 1 }), dedicated('web2'));
    expect(cpusOf(next)).toStrictEqual([[4, 5]]);
  });

  test('keeps them while it stands for a migration, for what is owed, and past the build', () => {
    const kept = keptForMigration(one, { instanceId: 'web1', from: 'claim-web1', to: 'migration', generation: 2 });
    expect(cpusOf(claimed(kept, claimOf('web1', { id: 'new', generation: 2, dedicatedCpus: { threadPolicy: 'prefer' } })))).toStrictEqual([
      [4, 5],
      [6, 7],
    ]);
    const building = claimed(host, { ...dedicated('web1'), ioTask: 'building' });
    expect(cpusOf(settled(building, { instanceId: 'web1' }))).toStrictEqual([[4, 5]]);
    expect(cpusOf(owing(building, { instanceId: 'web1', token: { run: 'r', generation: 1 } }, at(2)))).toStrictEqual([[4, 5]]);
  });
});

test('a state of a release that did not count failed builds counts none', () => {
  const { failedBuilds: _failedBuilds, metrics: _metrics, ...older } = up.record ?? {};
  const state = { ...up, record: older } as HostState;
  expect(carriedOver(state).record).toMatchObject({ name: 'cn1', failedBuilds: 0, metrics: {} });
  expect(carriedOver(emptyHost)).toStrictEqual(emptyHost);
});

describe('a build', () => {
  const building = claimed(up, claimOf('web1', { ioTask: 'building', projectId: 'p' }));

  test('keeps the disks of its host busy until its instance comes to rest', () => {
    expect(building.record?.claims).toMatchObject([{ ioTask: 'building', projectId: 'p' }]);
    const rested = settled(building, { instanceId: 'web1' });
    expect(rested.record?.claims).toStrictEqual([
      { id: 'claim-web1', instanceId: 'web1', vcpus: 2, memoryMiB: 4096, diskGiB: 20, projectId: 'p' },
    ]);
    expect(settled(rested, { instanceId: 'web1' })).toBe(rested);
    expect(settled(building, { instanceId: 'web2' })).toBe(building);
    expect(settled(emptyHost, { instanceId: 'web1' })).toBe(emptyHost);
  });

  test('that failed is counted once, and one that did not ends the count', () => {
    const failure = { instanceId: 'web1', generation: 1, isFailedBuild: true };
    const failed = unclaimed(building, failure);
    expect(failed.record).toMatchObject({ failedBuilds: 1, claims: [] });
    expect(unclaimed(failed, failure).record).toMatchObject({ failedBuilds: 1 });
    const again = unclaimed(claimed(failed, claimOf('web2', { ioTask: 'building' })), { instanceId: 'web2', generation: 1 });
    expect(again.record).toMatchObject({ failedBuilds: 1 });
    const built = settled(claimed(again, claimOf('web3', { ioTask: 'building' })), { instanceId: 'web3' });
    expect(built.record).toMatchObject({ failedBuilds: 0 });
    expect(heard(failed, 9).record).toMatchObject({ failedBuilds: 1 });
  });
});

describe('a host that owes the removal of an instance', () => {
  const token = { run: 'r', generation: 2 };
  const removal = { instanceId: 'web1', token };
  const busy = claimed(withClaim, claimOf('web2', { ioTask: 'building' }));
  const owes = owing(busy, removal, at(9));

  test('counts its claim, under a name of its own, and a failed build', () => {
    expect(owes).toMatchObject({
      owed: [removal],
      record: {
        debts: [{ instanceId: 'web1', what: 'remove the instance', since: at(9) }],
        claims: [
          { id: 'debt/web1', instanceId: 'web1', vcpus: 2 },
          { id: 'claim-web2', ioTask: 'building' },
        ],
        free: { vcpus: 28 },
        failedBuilds: 1,
      },
    });
    expect(owing(owes, removal, at(10))).toBe(owes);
    expect(owing(emptyHost, removal, at(9))).toBe(emptyHost);
  });

  test('refuses a claim of the operation that comes late, and takes one of a later operation beside it', () => {
    expect(refusalToClaim(owes, claimOf('web1', { generation: 2 }))).toMatchObject({ type: 'StaleToken' });
    const moved = claimed(owes, claimOf('web1', { generation: 3 }));
    expect(moved.record?.claims.map(({ id }) => id)).toStrictEqual(['debt/web1', 'claim-web2', 'claim-web1']);
    expect(paid(moved, removal).record?.claims.map(({ id }) => id)).toStrictEqual(['claim-web2', 'claim-web1']);
  });

  test('is clear of it once it is paid', () => {
    const clear = paid(owes, removal);
    expect(clear).toMatchObject({ owed: [], record: { debts: [], claims: [{ id: 'claim-web2' }], free: { vcpus: 30 }, failedBuilds: 1 } });
    expect(paid(clear, removal)).toBe(clear);
    expect(paid(owes, { instanceId: 'web1', token: { run: 'r', generation: 1 } })).toBe(owes);
  });

  test('is clear of it once a later operation gave back all that the instance holds there', () => {
    const deleted = unclaimed(owes, { instanceId: 'web1', generation: 3 });
    expect(deleted).toMatchObject({ owed: [], record: { debts: [], claims: [{ id: 'claim-web2' }] } });
    expect(unclaimed(owes, { instanceId: 'web2', generation: 3 })).toMatchObject({ owed: [removal] });
  });
});

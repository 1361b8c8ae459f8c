import { describe, expect, test } from 'vitest';
import { isOwed, knownToBeOff, mayStillRun, owingWhenDown } from '../../src/model/host-debts.ts';
import {
  type ClaimRequest,
  claimed,
  emptyHost,
  type OwedRemoval,
  paid,
  refusalToClaim,
  reported,
  unattended,
} from '../../src/model/host-record.ts';
import { report } from './hosts.ts';
import { at } from './tenures.ts';

const claim: ClaimRequest = { id: 'claim', instanceId: 'web1', generation: 1, vcpus: 2, memoryMiB: 4096, diskGiB: 20 };
const up = claimed(reported(emptyHost, 'cn1', { session: 'first', isAttending: true, report }, at(1)), claim);
const down = unattended(up, 'unheard', at(2));

function removalOf(generation = 5): OwedRemoval {
  return { instanceId: 'web1', token: { run: 'delete', generation }, networks: ['default'], others: ['cn2'] };
}

describe('a host that is down', () => {
  const state = owingWhenDown(down, removalOf(), at(3));

  test('owes what a delete leaves to it, and shows that without what it takes', () => {
    expect(isOwed(state, removalOf())).toBe(true);
    expect(state.record?.debts).toEqual([{ instanceId: 'web1', what: 'remove the instance', since: at(3) }]);
    expect(state.owed).toEqual([removalOf()]);
  });

  test('keeps what was claimed for what it owes: the guest may still run', () => {
    expect(state.record).toMatchObject({ used: { vcpus: 2, memoryMiB: 4096 }, failedBuilds: 0 });
  });

  test('owes to the newest delete', () => {
    const twice = owingWhenDown(owingWhenDown(state, removalOf(7), at(4)), removalOf(6), at(5));
    expect(twice.owed).toMatchObject([{ token: { generation: 7 } }]);
    expect([isOwed(twice, removalOf(6)), isOwed(twice, removalOf(8))]).toEqual([true, false]);
  });

  test('comes back with what it owes', () => {
    const back = reported(state, 'cn1', { session: 'second', isAttending: false, report }, at(4));
    expect(back).toMatchObject({ record: { state: 'up', debts: [{ instanceId: 'web1' }] }, owed: [{ networks: ['default'] }] });
  });

  test('has paid when it says so: the claim is free, and one that comes late is refused', () => {
    const back = reported(paid(state, removalOf()), 'cn1', { session: 'second', isAttending: true, report }, at(4));
    expect(back.record).toMatchObject({ debts: [], claims: [], used: { vcpus: 0 } });
    expect(refusalToClaim(back, { ...claim, generation: 5 })).toMatchObject({ type: 'StaleToken' });
  });
});

test('a host that is up owes nothing: it does it', () => {
  expect(owingWhenDown(up, removalOf(), at(3))).toBe(up);
  expect(isOwed(up, removalOf())).toBe(false);
});

describe('a guest whose removal is owed', () => {
  const state = owingWhenDown(down, removalOf(5), at(3));

  test('may run until it is known to be off; the debt stays', () => {
    const off = knownToBeOff(state, removalOf(5));
    expect([mayStillRun(state.owed ?? [], 'web1'), mayStillRun(off.owed ?? [], 'web1')]).toEqual([true, false]);
    expect(off.record?.debts).toHaveLength(1);
    expect(knownToBeOff(off, removalOf(5))).toBe(off);
  });

  test('is not known to be off by what was done for an earlier delete', () => {
    expect(knownToBeOff(owingWhenDown(state, removalOf(9), at(4)), removalOf(5)).owed).toMatchObject([{ token: { generation: 9 } }]);
    expect(mayStillRun(knownToBeOff(owingWhenDown(state, removalOf(9), at(4)), removalOf(5)).owed ?? [], 'web1')).toBe(true);
  });

  test('is no other guest', () => {
    expect(mayStillRun(state.owed ?? [], 'web2')).toBe(false);
  });
});

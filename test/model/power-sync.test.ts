import { describe, expect, test } from 'vitest';
import type { PowerState, VmState } from '../../src/model/instance.ts';
import { emptyInstance, type InstanceState } from '../../src/model/instance-record.ts';
import { observed, refusalToObserve, type Sync, syncIn, syncOf } from '../../src/model/power-sync.ts';
import { active, building, seenAs } from './instances.ts';
import { at } from './tenures.ts';

const seen: readonly PowerState[] = ['nostate', 'running', 'paused', 'shutdown', 'crashed', 'suspended'];

// By hand, from Nova's `_sync_instance_power_state`; the record expects the power state that is named.
test.for<[VmState, PowerState, readonly Sync[]]>([
  ['active', 'running', ['note', 'nothing', 'note', 'stopped', 'stopped', 'stop']],
  ['active', 'paused', ['note', 'note', 'nothing', 'stopped', 'stopped', 'stop']],
  ['paused', 'paused', ['note', 'note', 'nothing', 'stopped', 'stopped', 'note']],
  ['stopped', 'shutdown', ['note', 'stop', 'stop', 'nothing', 'note', 'stop']],
  ['stopped', 'crashed', ['note', 'stop', 'stop', 'note', 'nothing', 'stop']],
  ['suspended', 'shutdown', ['note', 'note', 'note', 'nothing', 'note', 'note']],
  ['rescued', 'running', ['note', 'nothing', 'note', 'note', 'note', 'note']],
  ['resized', 'running', ['note', 'nothing', 'note', 'note', 'note', 'note']],
  ['soft-delete', 'shutdown', ['note', 'note', 'note', 'nothing', 'note', 'note']],
  ['error', 'nostate', ['nothing', 'note', 'note', 'note', 'note', 'note']],
  ['building', 'nostate', ['nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'nothing']],
  ['deleted', 'nostate', ['nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'nothing']],
  ['shelved_offloaded', 'nostate', ['nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'nothing']],
])('what follows when the guest of an instance that is %s and %s is seen otherwise', ([vmState, powerState, expected]) => {
  expect(seen.map((state) => syncOf({ vmState, powerState }, state))).toStrictEqual(expected);
});

function having(state: InstanceState, sighting: ReturnType<typeof seenAs>, when = at(3)): InstanceState {
  return observed(state, sighting, when);
}

describe('the record of an instance takes what was seen of its guest', () => {
  test('unless an operation has it, which knows better', () => {
    expect(refusalToObserve(building, { ...seenAs('shutdown'), generation: building.generation })).toMatchObject({ type: 'InstanceBusy' });
  });

  test('unless an operation had it since', () => {
    expect(refusalToObserve(active, { ...seenAs('shutdown'), generation: active.generation - 1 })).toMatchObject({ type: 'StaleToken' });
  });

  test('unless it is on another host', () => {
    expect(refusalToObserve(active, { ...seenAs('shutdown'), host: 'cn2' })).toMatchObject({ type: 'StaleToken' });
  });

  test('unless it is gone', () => {
    expect(refusalToObserve(emptyInstance, seenAs('shutdown'))).toMatchObject({ type: 'InstanceNotFound' });
  });

  test('and is stopped when the guest ended by itself', () => {
    expect(refusalToObserve(active, seenAs('shutdown'))).toBeNull();
    expect(syncIn(active, seenAs('shutdown'))).toBe('stopped');
    expect(having(active, seenAs('shutdown'))).toMatchObject({
      generation: active.generation,
      holder: null,
      record: { vmState: 'stopped', powerState: 'shutdown', fault: null },
    });
  });

  test('and says so when it crashed', () => {
    const trouble = { type: 'GuestCrashed', message: 'the guest crashed' } as const;
    const fault = { ...trouble, at: at(3), operation: null };
    expect(having(active, seenAs('crashed', trouble)).record).toMatchObject({ vmState: 'stopped', powerState: 'crashed', fault });
  });

  test('and names the disk for which a guest stands still, until it runs again', () => {
    const trouble = { type: 'GuestIoError', message: 'vda (no space is left)' } as const;
    const still = having(active, seenAs('paused', trouble));
    expect(still.record).toMatchObject({ vmState: 'active', powerState: 'paused', fault: { ...trouble, at: at(3) } });
    expect(having(still, seenAs('paused', trouble), at(4)).record?.fault?.at).toBe(at(3));
    expect(having(still, seenAs('running'), at(5)).record).toMatchObject({ vmState: 'active', powerState: 'running', fault: null });
  });

  test('and is active for as long as it takes to stop a guest that was started behind its back', () => {
    const stopped = having(active, seenAs('shutdown'));
    expect(syncIn(stopped, seenAs('running'))).toBe('stop');
    expect(having(stopped, seenAs('running')).record).toMatchObject({ vmState: 'active', powerState: 'running' });
  });
});

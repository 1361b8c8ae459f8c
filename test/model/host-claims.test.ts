import { describe, expect, test } from 'vitest';
import { keptForMigration, takenBack } from '../../src/model/host-claims.ts';
import { claimed, emptyHost, type HostState, refusalToClaim, reported, unclaimed } from '../../src/model/host-record.ts';
import { report } from './hosts.ts';
import { at } from './tenures.ts';

const up = reported(emptyHost, 'cn1', { session: 'first', isAttending: true, report }, at(1));
const sizes = { vcpus: 1, memoryMiB: 512, diskGiB: 10 };
const own = { id: 'web1', instanceId: 'web1', generation: 1, ...sizes };
const leaving = { instanceId: 'web1', from: 'web1', to: 'migration/web1/2', generation: 2 };
const returning = { instanceId: 'web1', from: 'migration/web1/2', to: 'web1', generation: 2 };
const claimsOf = ({ record }: HostState) => record?.claims.map(({ id, vcpus }) => [id, vcpus]);

describe('a claim that a migration keeps', () => {
  const kept = keptForMigration(claimed(up, own), leaving);

  test('holds what it held, under another id, and the instance may claim anew on the same host', () => {
    expect(claimsOf(kept)).toEqual([['migration/web1/2', 1]]);
    const larger = { ...own, generation: 2, vcpus: 4 };
    expect(refusalToClaim(kept, larger)).toBeNull();
    const both = claimed(kept, larger);
    expect(claimsOf(both)).toEqual([
      ['migration/web1/2', 1],
      ['web1', 4],
    ]);
    expect(both.record?.used.vcpus).toBe(5);
  });

  test('is the instance’s again when the migration is undone, once the new one is given back', () => {
    const both = claimed(kept, { ...own, generation: 2, vcpus: 4 });
    const alone = unclaimed(both, { id: 'web1', instanceId: 'web1', generation: 2 });
    expect(claimsOf(takenBack(alone, returning))).toEqual([['web1', 1]]);
  });

  test('is given back alone when the migration is confirmed', () => {
    const both = claimed(kept, { ...own, generation: 2, vcpus: 4 });
    expect(claimsOf(unclaimed(both, { id: 'migration/web1/2', instanceId: 'web1', generation: 3 }))).toEqual([['web1', 4]]);
  });

  test('changes by each message once, whatever comes twice or late', () => {
    expect(keptForMigration(kept, leaving)).toEqual(kept);
    const back = takenBack(kept, returning);
    expect(takenBack(back, returning)).toEqual(back);
    // The attempt that left was delayed until after its undo.
    expect(claimsOf(keptForMigration(back, leaving))).toEqual([['web1', 1]]);
    // And a late undo finds the claim of the next migration, which is not its own.
    const next = keptForMigration(back, { ...leaving, to: 'migration/web1/5', generation: 5 });
    expect(claimsOf(takenBack(next, returning))).toEqual([['migration/web1/5', 1]]);
  });

  test('does not take a claim of the same id from another instance', () => {
    const other = claimed(up, { ...own, instanceId: 'web2' });
    expect(keptForMigration(other, leaving)).toEqual(other);
  });
});

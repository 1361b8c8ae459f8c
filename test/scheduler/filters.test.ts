import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/scheduler/candidate.ts';
import { filters, type PlacementRequest } from '../../src/scheduler/filters.ts';
import { candidate } from './candidates.ts';

const request: PlacementRequest = { vcpus: 2, memoryMiB: 1024, diskGiB: 20 };

/** The first filter that refuses, and its sentence. */
function refusal(changes: Partial<Candidate>, wanted: PlacementRequest = request): readonly [string, string] | null {
  for (const filter of filters) {
    const reason = filter.refusal(candidate('cn1', changes), wanted);
    if (reason !== null) return [filter.name, reason];
  }
  return null;
}

describe('a host is removed in a sentence', () => {
  test.for<[string, Partial<Candidate>, string, string]>([
    ['that is down', { state: 'down', downReason: 'no heartbeat since 14:02' }, 'up', 'cn1 is down: no heartbeat since 14:02'],
    ['that is down for no known reason', { state: 'down' }, 'up', 'cn1 is down'],
    ['that is disabled', { enabled: false, disabledReason: 'new fan' }, 'enabled', 'cn1 is disabled: new fan'],
    ['that is down and disabled', { state: 'down', enabled: false }, 'up', 'cn1 is down'],
    ['that lacks vCPUs', { free: { vcpus: 1, memoryMiB: 4096, diskGiB: 100 } }, 'vcpus', 'cn1 has 1 of 8 vCPUs free, 2 wanted'],
    [
      'that lacks memory',
      { free: { vcpus: 8, memoryMiB: 1023, diskGiB: 100 } },
      'memory',
      'cn1 has 1023 of 4096 MiB of memory free, 1024 wanted',
    ],
    ['that lacks disk', { free: { vcpus: 8, memoryMiB: 4096, diskGiB: -3 } }, 'disk', 'cn1 has -3 of 100 GiB of disk free, 20 wanted'],
  ])('one %s', ([, changes, filter, reason]) => {
    expect(refusal(changes)).toStrictEqual([filter, reason]);
  });

  test.for<[string | null, string]>([
    ['south', 'cn1 is in zone south, north is wanted'],
    [null, 'cn1 is in no availability zone, north is wanted'],
  ])('one in zone %s when north is wanted', ([availabilityZone, reason]) => {
    expect(refusal({ availabilityZone }, { ...request, availabilityZone: 'north' })).toStrictEqual(['availabilityZone', reason]);
  });
});

describe('a host passes', () => {
  test('when it has exactly what is wanted', () => {
    expect(refusal({ free: { vcpus: 2, memoryMiB: 1024, diskGiB: 20 } })).toBeNull();
  });

  test('in the zone that is wanted', () => {
    expect(refusal({ availabilityZone: 'north' }, { ...request, availabilityZone: 'north' })).toBeNull();
  });

  test('in any zone when none is wanted', () => {
    expect(refusal({ availabilityZone: 'south' })).toBeNull();
  });
});

import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/scheduler/candidate.ts';
import { type SelectOptions, selectHosts } from '../../src/scheduler/select-host.ts';
import { candidate, options } from './candidates.ts';

/** The weighers of free room alone, so that a test counts in its head. */
const roomOnly = { ioOps: 0, hypervisorVersion: 0, pci: 0, buildFailure: 0 };
const request = { vcpus: 1, memoryMiB: 512, diskGiB: 1 };
const small = candidate('cn1', { free: { vcpus: 4, memoryMiB: 2048, diskGiB: 100 } });
const large = candidate('cn2', { free: { vcpus: 8, memoryMiB: 4096, diskGiB: 100 } });

test('the host with the most free resources wins, and the decision tells each part of its weight', () => {
  expect(selectHosts(request, [small, large], options(roomOnly))).toMatchObject({
    winner: 'cn2',
    alternates: ['cn1'],
    candidates: 2,
    ranked: [
      {
        host: 'cn2',
        total: 3,
        weights: [
          { weigher: 'ram', raw: 4096, normalised: 1, multiplier: 1, weight: 1 },
          { weigher: 'cpu', raw: 8, normalised: 1, multiplier: 1, weight: 1 },
          { weigher: 'disk', raw: 100, normalised: 1, multiplier: 1, weight: 1 },
        ],
      },
      {
        host: 'cn1',
        total: 2,
        weights: [
          { weigher: 'ram', raw: 2048, normalised: 0.5, multiplier: 1, weight: 0.5 },
          { weigher: 'cpu', raw: 4, normalised: 0.5, multiplier: 1, weight: 0.5 },
          { weigher: 'disk', raw: 100, normalised: 1, multiplier: 1, weight: 1 },
        ],
      },
    ],
    removed: [],
    removedBy: {},
  });
});

test('negative multipliers pack the hosts instead of spreading over them', () => {
  const { winner, ranked } = selectHosts(request, [small, large], options({ ...roomOnly, ram: -1, cpu: -1, disk: 0 }));
  expect(winner).toBe('cn1');
  expect(ranked.map(({ total }) => total)).toStrictEqual([-1, -2]);
});

test('a host that is the only one left is not weighed', () => {
  const { winner, alternates, ranked } = selectHosts(request, [small, candidate('cn2', { state: 'down' })], options());
  expect({ winner, alternates, ranked }).toStrictEqual({
    winner: 'cn1',
    alternates: [],
    ranked: [{ host: 'cn1', total: 0, weights: [] }],
  });
});

describe('hosts of equal weight', () => {
  test.for([[['cn1', 'cn2', 'cn10']], [['cn2', 'cn10', 'cn1']], [['cn10', 'cn1', 'cn2']]])(
    'go by name when they come as %j',
    ([names = []]) => {
      const { winner, alternates } = selectHosts(
        request,
        names.map((name) => candidate(name)),
        options(),
      );
      expect([winner, ...alternates]).toStrictEqual(['cn1', 'cn10', 'cn2']);
    },
  );
});

test('no host left means no winner, with what removed each of them', () => {
  const full = candidate('cn1', { free: { vcpus: 0, memoryMiB: 0, diskGiB: 0 } });
  expect(selectHosts(request, [full, candidate('cn0', { enabled: false })], options())).toMatchObject({
    winner: null,
    alternates: [],
    ranked: [],
    removed: [
      { host: 'cn0', filter: 'enabled', reason: 'cn0 is disabled' },
      { host: 'cn1', filter: 'vcpus', reason: 'cn1 has 0 of 8 vCPUs free, 1 wanted' },
    ],
    removedBy: { enabled: 1, vcpus: 1 },
  });
});

test('the decision stays short with 1,000 hosts and still counts them all', () => {
  const hosts = Array.from({ length: 1000 }, (_, index) => candidate(`cn${index}`, index < 500 ? { state: 'down' } : {}));
  const decision = selectHosts(request, hosts, options());
  expect(decision.ranked).toHaveLength(10);
  expect(decision.removed).toHaveLength(50);
  expect(decision.alternates).toHaveLength(2);
  expect(decision.removedBy).toStrictEqual({ up: 500 });
  expect(JSON.stringify(decision).length).toBeLessThan(12 * 1024);
});

test('the lengths of the lists are the caller’s choice', () => {
  const hosts = ['cn1', 'cn2', 'cn3', 'cn4'].map((name) => candidate(name));
  const down = ['cn5', 'cn6'].map((name) => candidate(name, { state: 'down' }));
  const decision = selectHosts(request, [...hosts, ...down], options({}, { maxAlternates: 3, maxRanked: 1, maxRemoved: 1 }));
  expect(decision.alternates).toStrictEqual(['cn2', 'cn3', 'cn4']);
  expect(decision.ranked).toHaveLength(1);
  expect(decision.removed.map(({ host }) => host)).toStrictEqual(['cn5']);
});

test('a decision is plain JSON', () => {
  const decision = selectHosts(request, [small, large, candidate('cn3', { state: 'down' })], options());
  expect(JSON.parse(JSON.stringify(decision))).toStrictEqual(decision);
});

describe('of two hosts with 2048 and 4096 MiB free', () => {
  const versions = [candidate('cn1', { hypervisorVersion: '7.2.0' }), candidate('cn2', { hypervisorVersion: '8.0.0' })];
  const parts = (hosts: readonly Candidate[], weigher: string) =>
    selectHosts(request, hosts, options())
      .ranked.map(({ host, weights }) => [host, weights.find((weight) => weight.weigher === weigher)?.normalised])
      .sort();

  test('the smaller weighs 0.5 and the larger 1, since free memory has the lower bound 0', () => {
    expect(parts([small, large], 'ram')).toStrictEqual([
      ['cn1', 0.5],
      ['cn2', 1],
    ]);
  });

  test('a weigher without a bound knows only 0 and 1', () => {
    expect(parts(versions, 'hypervisorVersion')).toStrictEqual([
      ['cn1', 0],
      ['cn2', 1],
    ]);
  });
});

test('a host whose builds fail is the last choice whatever it has free', () => {
  const failing = candidate('cn9', { free: { vcpus: 8, memoryMiB: 4096, diskGiB: 100 }, failedBuilds: 1 });
  expect(selectHosts(request, [small, failing], options()).winner).toBe('cn1');
});

test('a host that builds already is chosen after one that rests', () => {
  const busy = candidate('cn1', { numIoOps: 2 });
  expect(selectHosts(request, [busy, candidate('cn2')], options()).winner).toBe('cn2');
});

describe('chance', () => {
  const names = ['cn1', 'cn2', 'cn3', 'cn4'];
  const equals = names.map((name) => candidate(name));
  const descending = names.map((name, index) => candidate(name, { free: { vcpus: 8 - index, memoryMiB: 4096, diskGiB: 100 } }));
  const order = (hosts: readonly Candidate[], others: Partial<SelectOptions>) => {
    const { winner, alternates } = selectHosts(request, hosts, options({}, { maxAlternates: 3, ...others }));
    return [winner, ...alternates];
  };

  test('draws the winner from the best hosts, as many as hostSubsetSize says', () => {
    expect(order(descending, { hostSubsetSize: 3, random: () => 0.99 })).toStrictEqual(['cn3', 'cn1', 'cn2', 'cn4']);
    expect(order(descending, { hostSubsetSize: 3, random: () => 0 })).toStrictEqual(names);
    expect(order(descending, { hostSubsetSize: 99, random: () => 0.99 })).toStrictEqual(['cn4', 'cn1', 'cn2', 'cn3']);
  });

  test('shuffles hosts of equal weight and no others', () => {
    expect(order(equals, { shuffleBestSameWeighedHosts: true, random: () => 0.99 })).toStrictEqual(['cn4', 'cn3', 'cn2', 'cn1']);
    expect(order(descending, { shuffleBestSameWeighedHosts: true, random: () => 0.99 })).toStrictEqual(names);
  });

  test('has no part unless it is configured', () => {
    const never = () => expect.unreachable();
    expect(order(equals, { random: never })).toStrictEqual(names);
  });
});

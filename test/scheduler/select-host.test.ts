import { describe, expect, test } from 'vitest';
import { selectHosts } from '../../src/scheduler/select-host.ts';
import { weighersWith } from '../../src/scheduler/weighers.ts';
import { candidate } from './candidates.ts';

const request = { vcpus: 1, memoryMiB: 512, diskGiB: 1 };
const small = candidate('cn1', { free: { vcpus: 4, memoryMiB: 2048, diskGiB: 100 } });
const large = candidate('cn2', { free: { vcpus: 8, memoryMiB: 4096, diskGiB: 100 } });

test('the host with the most free resources wins, and the decision tells each part of its weight', () => {
  expect(selectHosts(request, [small, large])).toStrictEqual({
    winner: 'cn2',
    alternates: ['cn1'],
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
  const { winner, ranked } = selectHosts(request, [small, large], { weighers: weighersWith({ ram: -1, cpu: -1, disk: 0 }) });
  expect(winner).toBe('cn1');
  expect(ranked.map(({ total }) => total)).toStrictEqual([-1, -2]);
});

test('a host that is the only one left is not weighed', () => {
  const { winner, alternates, ranked } = selectHosts(request, [small, candidate('cn2', { state: 'down' })]);
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
      );
      expect([winner, ...alternates]).toStrictEqual(['cn1', 'cn10', 'cn2']);
    },
  );
});

test('no host left means no winner, with what removed each of them', () => {
  const full = candidate('cn1', { free: { vcpus: 0, memoryMiB: 0, diskGiB: 0 } });
  expect(selectHosts(request, [full, candidate('cn0', { enabled: false })])).toStrictEqual({
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
  const decision = selectHosts(request, hosts);
  expect(decision.ranked).toHaveLength(10);
  expect(decision.removed).toHaveLength(50);
  expect(decision.alternates).toHaveLength(2);
  expect(decision.removedBy).toStrictEqual({ up: 500 });
  expect(JSON.stringify(decision).length).toBeLessThan(8 * 1024);
});

test('the lengths of the lists are the caller’s choice', () => {
  const hosts = ['cn1', 'cn2', 'cn3', 'cn4'].map((name) => candidate(name));
  const down = ['cn5', 'cn6'].map((name) => candidate(name, { state: 'down' }));
  const decision = selectHosts(request, [...hosts, ...down], { maxAlternates: 3, maxRanked: 1, maxRemoved: 1 });
  expect(decision.alternates).toStrictEqual(['cn2', 'cn3', 'cn4']);
  expect(decision.ranked).toHaveLength(1);
  expect(decision.removed.map(({ host }) => host)).toStrictEqual(['cn5']);
});

test('a decision is plain JSON', () => {
  const decision = selectHosts(request, [small, large, candidate('cn3', { state: 'down' })]);
  expect(JSON.parse(JSON.stringify(decision))).toStrictEqual(decision);
});

import { expect, test } from 'vitest';
import { guestCpusOf } from '../../../src/model/cpus/guest-cpus.ts';
import { core, hyperthreaded, plain, single } from './hosts.ts';

test('a host of which nothing is said has its CPUs for all guests', () => {
  expect(guestCpusOf({ dedicated: null, shared: null }, plain)).toBeNull();
});

test('with a dedicated set alone all others are shared', () => {
  expect(guestCpusOf({ dedicated: [1, 3], shared: null }, plain)).toStrictEqual({
    dedicated: [single(0, 1), single(0, 3)],
    shared: [0, 2],
  });
});

test('with a shared set alone no guest has CPUs for itself', () => {
  expect(guestCpusOf({ dedicated: null, shared: [0, 1] }, plain)).toStrictEqual({ dedicated: [], shared: [0, 1] });
});

test('dedicated threads are told by core and cell', () => {
  expect(guestCpusOf({ dedicated: [1, 2, 3, 5, 6, 7], shared: null }, hyperthreaded)).toStrictEqual({
    dedicated: [core(0, 1, 5), core(1, 2, 6), core(1, 3, 7)],
    shared: [0, 4],
  });
});

test('a core that is shared in part is no core of its own, and a thread that no guest may have counts for nothing', () => {
  expect(guestCpusOf({ dedicated: [4, 5], shared: [0] }, hyperthreaded)?.dedicated).toStrictEqual([
    { cell: 0, cpus: [4], threads: 2 },
    { cell: 0, cpus: [5], threads: 1 },
  ]);
});

test.for([
  [{ dedicated: [2, 8, 9], shared: null }, 'host.cpuDedicatedSet names 8-9: this host has the CPUs 0-3'],
  [{ dedicated: [2], shared: [4] }, 'host.cpuSharedSet names 4: this host has the CPUs 0-3'],
] as const)('a set with CPUs that the host does not have is refused by its name', ([sets, message]) => {
  expect(() => guestCpusOf(sets, plain)).toThrow(new RangeError(message));
});

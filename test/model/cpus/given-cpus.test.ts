import { describe, expect, test } from 'vitest';
import { freeCores, type GivenCpus, givenCpus, type WantedCpus, whyNoCpus } from '../../../src/model/cpus/given-cpus.ts';
import type { DedicatedCore } from '../../../src/model/cpus/guest-cpus.ts';
import { core, single } from './hosts.ts';

const [c0, c1, c2, c3] = [core(0, 0, 4), core(0, 1, 5), core(1, 2, 6), core(1, 3, 7)];
const threaded = [c0, c1, c2, c3];
const flat = [single(0, 0), single(0, 1), single(1, 2), single(1, 3)];

type Row = readonly [string, readonly DedicatedCore[], WantedCpus['threadPolicy'], number, readonly number[] | null, (readonly number[])?];

function rows(table: readonly Row[]): void {
  test.for(table)('%s', ([, free, threadPolicy, vcpus, pinned, withheld = []]) => {
    expect(givenCpus(free, { vcpus, threadPolicy })).toStrictEqual(pinned === null ? null : { pinned, withheld });
  });
}

describe('prefer gives', () => {
  rows([
    ['sibling threads together', threaded, 'prefer', 2, [0, 4]],
    ['whole cores of one cell', threaded, 'prefer', 4, [0, 4, 1, 5]],
    ['a core and a half, whose other half stays free', threaded, 'prefer', 3, [0, 4, 1]],
    ['siblings where they are left', [core(0, 0), c1], 'prefer', 2, [1, 5]],
    ['single threads where no siblings are left', [core(0, 0), core(0, 1)], 'prefer', 2, [0, 1]],
    ['whatever is left where cores are free by half', [c0, core(0, 1)], 'prefer', 3, [0, 4, 1]],
    ['cores of hosts without sibling threads', flat, 'prefer', 2, [0, 1]],
    ['nothing of a host that has too few', threaded, 'prefer', 9, null],
    ['nothing of a host that has none', [], 'prefer', 1, null],
  ]);
});

describe('require gives', () => {
  rows([
    ['sibling threads', threaded, 'require', 2, [0, 4]],
    ['a core and a half', threaded, 'require', 3, [0, 4, 1]],
    ['nothing where cores are free by half', [core(0, 0), core(0, 1)], 'require', 2, null],
    ['nothing of hosts without sibling threads', flat, 'require', 1, null],
  ]);
});

describe('isolate gives', () => {
  rows([
    ['a thread of each core, whose others nobody gets', threaded, 'isolate', 2, [0, 1], [4, 5]],
    ['no core that another guest uses', [core(0, 0), c1], 'isolate', 1, [1], [5]],
    ['nothing where too few cores are free', [c0, core(0, 1)], 'isolate', 2, null],
    ['cores of hosts without sibling threads', flat, 'isolate', 2, [0, 1]],
  ]);
});

describe('a NUMA cell', () => {
  rows([
    ['that has them all is taken whole rather than parts of two', [c0, c2, c3], 'prefer', 4, [2, 6, 3, 7]],
    ['that is fuller is taken before one with more room', [c0, c1, core(1, 2)], 'prefer', 1, [2]],
    ['is left where none has them', threaded, 'prefer', 6, [0, 4, 1, 5, 2, 6]],
    ['is left by isolated ones, too', threaded, 'isolate', 3, [0, 1, 2], [4, 5, 6]],
  ]);
});

test('what guests have, and the threads that are kept from others for them, is not free', () => {
  const given: GivenCpus[] = [
    { pinned: [0], withheld: [4] },
    { pinned: [1, 3], withheld: [] },
  ];
  expect(freeCores({ dedicated: threaded }, given)).toStrictEqual([core(0, 5), c2, core(1, 7)]);
});

test.for([
  [[c0], { vcpus: 2, threadPolicy: 'prefer' }, null],
  [[c0], { vcpus: 3, threadPolicy: 'prefer' }, 'cn1 has 2 of 8 dedicated CPUs free, 3 wanted'],
  [
    [c0],
    { vcpus: 2, threadPolicy: 'isolate' },
    'cn1 has 2 of 8 dedicated CPUs free, but not 2 on cores that nobody uses (cpu_thread_policy isolate)',
  ],
  [
    flat,
    { vcpus: 1, threadPolicy: 'require' },
    'cn1 has 4 of 8 dedicated CPUs free, but not 1 on cores of several threads (cpu_thread_policy require)',
  ],
] as const)('of %o is said why %o gets none', ([free, wanted, why]) => {
  expect(whyNoCpus('cn1', 8, free, wanted)).toBe(why);
});

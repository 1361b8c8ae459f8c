import { expect, test } from 'vitest';
import { combinationProblem, completionTimeout, countedGiB, policyOf } from '../../../src/model/live-migration/policy.ts';
import { policy, settingsOfMigration } from './policies.ts';

const GiB = 1024 ** 3;

test.for([
  { memoryMiB: 64, diskBytes: [], gib: 2 },
  { memoryMiB: 64, diskBytes: [GiB], gib: 4 },
  { memoryMiB: 8192, diskBytes: [], gib: 8 },
  { memoryMiB: 8192, diskBytes: [20 * GiB, GiB / 2], gib: 30 },
])('$memoryMiB MiB of memory and disks of $diskBytes bytes count as $gib GiB', ({ gib, ...sizes }) => {
  expect(countedGiB(sizes)).toBe(gib);
});

test.for([
  [800, 2, 1600],
  [800, 30, 24_000],
  [0, 2, null],
] as const)('%i seconds for a GiB are a time-out for %i GiB of %s', ([seconds, gib, timeout]) => {
  expect(completionTimeout(seconds, gib)).toBe(timeout);
});

const sizes = { memoryMiB: 64, diskBytes: [] };

test('a request has what its host is configured for, but for what it says itself', () => {
  expect(policyOf(settingsOfMigration(), {}, sizes)).toEqual(policy());
  const wanted = { bandwidthMiBps: 7, maxDowntimeMs: 40, completionTimeoutSeconds: 9, onTimeout: 'forceComplete', postCopy: true } as const;
  expect(policyOf(settingsOfMigration(), wanted, sizes)).toEqual(
    policy({
      bandwidthMiBps: 7,
      downtime: { maxMs: 40, steps: 10, delaySeconds: 150 },
      completionTimeoutSeconds: 9,
      onTimeout: 'forceComplete',
      postCopy: true,
    }),
  );
});

test('a host that permits both slows no guest down that it may switch over', () => {
  const settings = settingsOfMigration({ permitPostCopy: true, permitAutoConverge: true });
  expect(policyOf(settings, {}, sizes)).toMatchObject({ postCopy: true, autoConverge: false });
  expect(policyOf(settings, { postCopy: false }, sizes)).toMatchObject({ postCopy: false, autoConverge: true });
});

test.for([
  [{}, null],
  [{ parallelConnections: 4 }, null],
  [{ postCopy: true, compression: 'xbzrle' }, null],
  [{ parallelConnections: 4, postCopy: true }, 'QEMU makes no post-copy migration over parallel connections'],
  [{ parallelConnections: 2, compression: 'xbzrle' }, 'QEMU does not compress (xbzrle) over parallel connections'],
  [{ parallelConnections: 2, compression: 'mt' }, 'QEMU does not compress (mt) over parallel connections'],
  [{ postCopy: true, compression: 'mt' }, 'QEMU makes no post-copy migration with multi-threaded compression'],
  [{ postCopy: true, autoConverge: true }, 'a guest is either slowed down until it converges or moved by post-copy, not both'],
] as const)('of %o QEMU says: %s', ([changes, problem]) => {
  expect(combinationProblem(policy(changes))).toBe(problem);
});

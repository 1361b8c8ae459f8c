import { expect, test } from 'vitest';
import { type MigrationFlag, migrationFlags } from '../../../src/model/live-migration/flags.ts';
import { policy } from './policies.ts';

const always: readonly MigrationFlag[] = ['live', 'peer2peer', 'persistDestination', 'undefineSource'];
const plain = { copied: 'none', isShared: false } as const;

test.for([
  [{ tls: false }, plain, []],
  [{}, plain, ['tls']],
  [{}, { ...plain, copied: 'overlays' }, ['nonSharedIncremental', 'tls']],
  [{}, { ...plain, copied: 'whole' }, ['nonSharedDisk', 'tls']],
  [{}, { ...plain, isShared: true }, ['unsafe', 'tls']],
  [{ postCopy: true }, plain, ['tls', 'postCopy']],
  [{ autoConverge: true }, plain, ['tls', 'autoConverge']],
  [{ parallelConnections: 2 }, plain, ['tls', 'parallel']],
  [{ compression: 'xbzrle' }, plain, ['tls', 'compressed']],
] as const)('%o of disks %o has the flags %o', ([changes, disks, flags]) => {
  expect(migrationFlags(policy(changes), disks)).toEqual([...always, ...flags]);
});

test('a post-copy that is taken up again copies no disks, and is one whatever the policy says', () => {
  expect(migrationFlags(policy(), { copied: 'overlays', isShared: false }, true)).toEqual([...always, 'tls', 'postCopy', 'postCopyResume']);
});

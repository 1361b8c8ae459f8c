import type { MigrationPolicy } from './policy.ts';

/** Flags of libvirt's migration (`virDomainMigrateFlags`), by name. */
export type MigrationFlag =
  | 'live'
  | 'peer2peer'
  | 'persistDestination'
  | 'undefineSource'
  | 'nonSharedDisk'
  | 'nonSharedIncremental'
  | 'unsafe'
  | 'compressed'
  | 'autoConverge'
  | 'postCopy'
  | 'postCopyResume'
  | 'tls'
  | 'parallel';

/** How the disks of a guest get to its destination. */
export interface DiskPassage {
  /** `none`: it sees them there. `overlays`: what lies above their bases is copied. `whole`: all of them, what is in their bases included. */
  readonly copied: 'none' | 'overlays' | 'whole';
  /** Whether both hosts were seen to have one directory. libvirt does not know every file system that hosts may share, and refuses those. */
  readonly isShared: boolean;
}

/**
 * The flags of a migration: the daemons talk to each other, and the guest is persistent at its destination and nothing at its source
 * afterwards.
 *
 * | of | when | flags |
 * |---|---|---|
 * | all | always | live, peer2peer, persistDestination, undefineSource |
 * | disks | none, some or all of what is in them copied | –, nonSharedIncremental, nonSharedDisk |
 * | disks | seen in a directory of both hosts | unsafe |
 * | policy | tls, postCopy, autoConverge | the same |
 * | policy | more than one connection | parallel |
 * | policy | compression | compressed |
 * | a post-copy that broke off | it is taken up again | postCopy, postCopyResume |
 */
export function migrationFlags(policy: MigrationPolicy, { copied, isShared }: DiskPassage, isResumed = false): readonly MigrationFlag[] {
  const flags: readonly (readonly [MigrationFlag, boolean])[] = [
    ['live', true],
    ['peer2peer', true],
    ['persistDestination', true],
    ['undefineSource', true],
    ['nonSharedIncremental', copied === 'overlays' && !isResumed],
    ['nonSharedDisk', copied === 'whole' && !isResumed],
    ['unsafe', isShared],
    ['tls', policy.tls],
    ['postCopy', policy.postCopy || isResumed],
    ['postCopyResume', isResumed],
    ['autoConverge', policy.autoConverge],
    ['parallel', policy.parallelConnections > 1],
    ['compressed', policy.compression !== 'none'],
  ];
  return flags.filter(([, isSet]) => isSet).map(([flag]) => flag);
}

import type { TaskState } from '../model/instance.ts';

/**
 * The task states in which an instance keeps the disks of its host busy, beside being built (the states of Nova's `io_workload`, and those of
 * ours in which its disk is read, written and stored).
 */
export const copyingStates = [
  'resize_prep',
  'resize_migrating',
  'resize_migrated',
  'image_snapshot',
  'image_pending_upload',
  'image_uploading',
  'image_backup',
] as const satisfies readonly TaskState[];

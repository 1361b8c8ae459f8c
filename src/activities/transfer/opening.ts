import { statfs } from 'node:fs/promises';
import { Context } from '@temporalio/activity';
import type { Token } from '../../model/tenure.ts';
import { fail } from '../record-client.ts';
import type { Purpose } from './places.ts';

/** Where less is left the disk is full: what receives a copy that it cannot write only tells the other end. */
const fullBytes = 4 * 1024 ** 2;

/** Raises `DiskSpaceLow`. */
export async function requireRoom(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < fullBytes) throw fail('DiskSpaceLow', `${directory} has ${bavail * bsize} bytes left: the disk has no room there`);
}

/** What a receiver is opened for by the activity that runs. */
export function purposeOf({ run, generation }: Token, attempt: number): Purpose {
  return { workflowId: Context.current().info.workflowExecution?.workflowId ?? '', run, generation, attempt };
}

import { ApplicationFailure } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { OwedRemoval } from '../model/host-record.ts';

/** Leaves nothing of an instance here; a newer operation that has it fails it with `StaleToken`. */
export type Removal = (removal: OwedRemoval) => Promise<unknown>;

/**
 * Pays what the host's record says that it owes: removes the instances that operations could not wait to see removed, and tells the
 * record, which then counts their claims no more. What fails stays owed. Repeatable.
 */
export async function payDebts(by: Client, host: string, remove: Removal): Promise<void> {
  const record = by.workflow.getHandle(`host/${host}`);
  for (const removal of await record.query<readonly OwedRemoval[]>('owed')) {
    await remove(removal).catch(unlessSuperseded);
    await record.executeUpdate('pay', { args: [removal] });
  }
}

/** What a newer operation has here is none of the older one's business. */
function unlessSuperseded(failure: unknown): void {
  if (!(failure instanceof ApplicationFailure) || failure.type !== 'StaleToken') throw failure;
}

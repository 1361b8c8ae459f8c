import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Client } from '@temporalio/client';
import { namesIn } from '../names-in.ts';
import { isRunOpen } from '../run-open.ts';
import { endSending } from './alone.ts';
import { dropIfEmpty, endReceiver, forget, forgetHalfNoted, receiverNotes, transferDirectory, transfersDirectory } from './places.ts';
import { forgetKey } from './send-files.ts';

/** Ends everything that receives something of an instance on this host, and removes what has not come whole. */
export async function closeAll(transfers: string): Promise<void> {
  for (const [name, { partial }] of await receiverNotes(transfers)) {
    await endReceiver(transfers, name);
    if (partial !== null) await rm(partial, { recursive: true, force: true });
    await forget(transfers, name);
  }
  await forgetHalfNoted(transfers);
  await dropIfEmpty(transfers);
}

/** Ends everything that sends or receives something of an instance here. */
export async function endTransfers(runDir: string, instanceId: string): Promise<void> {
  const transfers = transferDirectory(runDir, instanceId);
  await endSending(transfers);
  await forgetKey(transfers);
  await closeAll(transfers);
}

/**
 * Removes what a worker that was killed left of notes that it was making. Before this one takes work: afterwards they may be in the making again.
 */
export async function forgetHalfMade(runDir: string): Promise<void> {
  for (const instanceId of await namesIn(transfersDirectory(runDir))) {
    const transfers = transferDirectory(runDir, instanceId);
    await forgetHalfNoted(transfers);
    await dropIfEmpty(transfers);
  }
}

/**
 * Ends what receives for operations that are over: they were terminated, or their undo could not reach this host. What came is left to
 * who deletes the instance, whose files they are. Returns what was ended.
 */
export async function endAbandoned(runDir: string, by: Client): Promise<readonly string[]> {
  const ended: string[] = [];
  for (const instanceId of await namesIn(transfersDirectory(runDir))) {
    const transfers = transferDirectory(runDir, instanceId);
    for (const [name, { purpose }] of await receiverNotes(transfers)) {
      if (await isRunOpen({ workflowId: purpose.workflowId, runId: purpose.run }, by)) continue;
      await endReceiver(transfers, name);
      await forget(transfers, name);
      ended.push(`${basename(transfers)}/${name}`);
    }
  }
  return ended;
}

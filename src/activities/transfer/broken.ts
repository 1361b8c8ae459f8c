import { CommandFailed } from '../failures.ts';
import { fail } from '../record-client.ts';
import { currentSignal } from '../run.ts';

/**
 * Raises `TransferBroken` in place of the failure of a command that sends: it has one exit code for all that goes wrong on the way, so
 * that the story asks the other end, and begins anew.
 */
export async function brokenTransfer<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandFailed) || currentSignal()?.aborted === true) throw error;
    throw fail('TransferBroken', error.message);
  }
}

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replacedAside } from '../disks/made-aside.ts';
import { errnoOf } from '../failures.ts';

/** The file that says for which live migration an instance's directory was made here, until the guest is this host's. */
const fileName = 'arrival';

/** Whether the directory was made for this migration. */
export async function arrivesFor(directory: string, migrationId: string): Promise<boolean> {
  try {
    return (await readFile(join(directory, fileName), 'utf8')).trim() === migrationId;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return false;
  }
}

/** Notes it, before anything else is there. */
export function noteArrival(directory: string, migrationId: string): Promise<void> {
  return replacedAside(join(directory, fileName), (partial) => writeFile(partial, `${migrationId}\n`));
}

/** The guest has arrived: what is in the directory is its own. */
export function forgetArrival(directory: string): Promise<void> {
  return rm(join(directory, fileName), { force: true });
}

/** Removes a note that a worker which was killed had not finished: nothing was made for it. */
export function forgetHalfNoted(directory: string): Promise<void> {
  return rm(join(directory, `${fileName}.partial`), { force: true });
}

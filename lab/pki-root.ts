import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stateRoot } from './names.ts';

const pkiRoot = '/etc/pki';
const note = join(stateRoot, '.etc-pki');

/** Makes the empty directory over which each host lays its certificates, and notes where it is so that the machine has had none. */
export async function notePkiRoot(): Promise<void> {
  const isNew = await mkdir(pkiRoot).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (isNew) await writeFile(note, '');
}

/** Removes the directory, if a lab made it and nobody put anything there. */
export async function dropPkiRoot(): Promise<void> {
  const isOurs = await rm(note).then(
    () => true,
    () => false,
  );
  if (isOurs) await rmdir(pkiRoot).catch(() => undefined);
}

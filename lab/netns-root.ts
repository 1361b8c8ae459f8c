import { readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stateRoot } from './names.ts';
import { succeeds } from './run.ts';

const netnsRoot = '/run/netns';
const note = join(stateRoot, '.netns-root');

/** Notes, where it is so, that the machine has had no network namespace with a name yet: the first one makes `ip` mount /run/netns over itself. */
export async function noteNetnsRoot(): Promise<void> {
  if (!(await isMounted())) await writeFile(note, '');
}

/** Undoes what the first network namespace did, if it was a lab's, and if no other program has one there by now. */
export async function dropNetnsRoot(): Promise<void> {
  const isOurs = await readFile(note).then(
    () => true,
    () => false,
  );
  if (!isOurs) return;
  await rm(note);
  if (await isMounted()) {
    // The directory is on /run and comes to light, as empty as it was, once the mount over it has gone.
    const names = (await mountPoints()).filter((point) => point.startsWith(`${netnsRoot}/`));
    if (names.length > 0) return;
    await succeeds('umount', [netnsRoot]);
  }
  await rmdir(netnsRoot).catch(() => undefined);
}

async function isMounted(): Promise<boolean> {
  return (await mountPoints()).includes(netnsRoot);
}

async function mountPoints(): Promise<string[]> {
  return (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
}

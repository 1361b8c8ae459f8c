import { rm, rmdir } from 'node:fs/promises';
import { unmountInstancesDisks } from './instances-disk.ts';
import { endProcessesOfLab } from './lab-processes.ts';
import { checkLabName, dataDirOf, dataRoot, stateDirOf, stateRoot } from './names.ts';
import { dropNetnsRoot } from './netns-root.ts';
import { dropPkiRoot } from './pki-root.ts';
import { isAlive } from './proc.ts';
import { labNames, readState } from './state.ts';
import { removeWires } from './wires.ts';

/**
 * Takes a lab down, all or half of it, by its name alone: all that a lab makes is named after it. Nothing there: nothing done.
 * A lab that another live process is bringing up is refused.
 */
export async function down(name: string): Promise<void> {
  checkLabName(name);
  const state = await readState(name).catch(() => null);
  if (state?.phase === 'making' && state.maker.pid !== process.pid && isAlive(state.maker)) {
    throw new Error(`lab ${name} is being brought up by process ${state.maker.pid}: end that first`);
  }
  await endProcessesOfLab(name);
  await unmountInstancesDisks(name);
  await removeWires(name);
  await rm(dataDirOf(name), { recursive: true, force: true });
  await rm(stateDirOf(name), { recursive: true, force: true });
  if ((await labNames()).length === 0) {
    await dropNetnsRoot();
    await dropPkiRoot();
  }
  // The last lab leaves the roots empty; while there is another they stay.
  for (const root of [dataRoot, stateRoot]) await rmdir(root).catch(() => undefined);
}

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { noteSuperseded, readSuperseded } from '../../../src/activities/superseded/note.ts';
import { removeKeptDisks } from '../../../src/activities/superseded/remove-kept.ts';
import type { OwedRemoval } from '../../../src/model/host-record.ts';
import type { Instance } from '../../../src/model/instance.ts';
import { instance, operation } from '../../model/verify/tidy-host.ts';
import { ownDirectory } from '../surroundings.ts';

const hour = 3_600_000;
const token = { run: 'evacuation', generation: 7 };
const elsewhere: Partial<Instance> = { host: 'cn2', generation: 7 };

/** A client whose instances all have this record. */
function clientOf(record: Instance): Client {
  return { workflow: { getHandle: () => ({ query: async () => record }) } } as unknown as Client;
}

/** What is removed by a host `cn1` that keeps disks for two hours, of an instance whose guest it ended some hours ago. */
async function removedOf(
  changes: Partial<Instance>,
  hoursAgo: number,
  sharer?: string,
): Promise<{ removed: OwedRemoval[]; isNoted: boolean }> {
  const instancesDir = await ownDirectory();
  const record = instance(changes);
  const directory = join(instancesDir, record.id);
  await mkdir(directory);
  for (const worker of ['cn1', ...(sharer === undefined ? [] : [sharer])])
    await writeFile(join(instancesDir, `.worker-${worker}.lock`), '');
  await writeFile(join(directory, 'disk'), 'what the guest wrote');
  await noteSuperseded(directory, { since: new Date(Date.now() - hoursAgo * hour).toISOString(), known: 5, token });
  const removed: OwedRemoval[] = [];
  const remove = async (removal: OwedRemoval) => void removed.push(removal);
  const host = { name: 'cn1' } as Parameters<typeof removeKeptDisks>[0]['host'];
  await removeKeptDisks({ host, instancesDir, evacuatedKeepHours: 2 }, remove, new DefaultLogger('ERROR'))(clientOf(record));
  expect(await readdir(directory)).toContain('disk');
  return { removed, isNoted: (await readSuperseded(directory)) !== null };
}

test.for<[what: string, changes: Partial<Instance>, hoursAgo: number, isRemoved: boolean, isNoted: boolean]>([
  ['lives elsewhere goes when its time is over', elsewhere, 2.1, true, true],
  ['lives elsewhere stays until then', elsewhere, 1.9, false, true],
  ['was deleted goes when its time is over', { host: null, vmState: 'deleted', generation: 7 }, 2.1, true, true],
  ['is moved at this moment stays', { ...elsewhere, operation }, 2.1, false, true],
  ['failed, and is on no host, stays', { host: null, vmState: 'error', generation: 7 }, 2.1, false, true],
  ['is here again stays, and is known for no other’s any more', { host: 'cn1', generation: 9 }, 2.1, false, false],
])('what was kept of an instance that %s', async ([, changes, hoursAgo, isRemoved, isNoted]) => {
  const { removed, isNoted: isStillNoted } = await removedOf(changes, hoursAgo);
  expect(removed.length === 1).toBe(isRemoved);
  expect(isStillNoted).toBe(isNoted);
});

test('what lies where the host of the living guest works too is its own, and stays', async () => {
  expect(await removedOf(elsewhere, 3, 'cn2')).toEqual({ removed: [], isNoted: false });
  expect(await removedOf(elsewhere, 3, 'cn3')).toMatchObject({ removed: [{ token }] });
});

test('what was kept is removed as by the operation that took the instance elsewhere, or by the newest one since', async () => {
  const step = Number.MAX_SAFE_INTEGER;
  expect((await removedOf(elsewhere, 3)).removed).toMatchObject([{ token: { ...token, step } }]);
  const later = { ...elsewhere, generation: 9, recent: [{ ...operation, runId: 'later' }] as unknown as Instance['recent'] };
  expect((await removedOf(later, 3)).removed).toMatchObject([{ token: { run: 'later', generation: 9, step } }]);
});

import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type FaultPoint, faultHook, faultPoint } from '../../src/activities/fault-hook.ts';
import { activityContext, inActivity, ownDirectory } from './surroundings.ts';

const workflowExecution = { workflowId: 'buildInstance/web1', runId: 'run' };

function reaching(point: FaultPoint, directory: string, by = activityContext({ workflowExecution })): Promise<void> {
  return inActivity(() => faultHook.run({ directory, step: 'createDisks' }, () => faultPoint(point)), by);
}

test('a step stops where a file names it, says that it is there, and goes on when the file is gone', async () => {
  const directory = await ownDirectory();
  const file = join(directory, 'during.createDisks.buildInstance_web1');
  await writeFile(file, '');
  const reached = reaching('during', directory);
  await vi.waitFor(async () => expect(await readFile(`${file}.hit`, 'utf8')).toBe(String(process.pid)));
  await rm(file);
  await reached;
});

test('a step that is stopped hears its cancel', async () => {
  const directory = await ownDirectory();
  const file = join(directory, 'before.createDisks.buildInstance_web1');
  await writeFile(file, '');
  const by = activityContext({ workflowExecution });
  const end = expect(reaching('before', directory, by)).rejects.toMatchObject({ name: 'AbortError', cause: { name: 'CancelledFailure' } });
  await vi.waitFor(() => access(`${file}.hit`));
  by.cancel();
  await end;
});

test.for(['after.createDisks.buildInstance_web1', 'before.defineDomain.buildInstance_web1', 'before.createDisks.buildInstance_web2'])(
  'a step goes past a file for %s',
  async (name) => {
    const directory = await ownDirectory();
    await writeFile(join(directory, name), '');
    await reaching('before', directory);
    await expect(access(join(directory, `${name}.hit`))).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

test('where no directory is configured no step stops', async () => {
  await inActivity(() => faultPoint('before'));
});

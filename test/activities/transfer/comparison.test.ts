import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { baseCache } from '../../../src/activities/base-cache.ts';
import { writeBaseNote } from '../../../src/activities/base-note.ts';
import { holdingIn } from '../../../src/activities/holding.ts';
import { comparison, comparisonActivities } from '../../../src/activities/transfer/comparison.ts';
import type { Backing } from '../../../src/model/instance.ts';
import { inActivity, ownDirectory } from '../surroundings.ts';

const token = { run: 'run-1', generation: 1 };
const instanceId = 'web1';

async function host(instancesDir?: string) {
  const directory = instancesDir ?? (await ownDirectory());
  const bases = baseCache({ instancesDir: directory, imageStore: { directory: '/none' }, forceRawImages: true });
  return { directory, pathOf: bases.pathOf, ...comparisonActivities(holdingIn(directory), { instancesDir: directory }) };
}

test('a host sees the probe of one that has the same directory, and not that of one that has another', async () => {
  const [one, other] = [await host(), await host()];
  const mount = join(await ownDirectory(), 'mount');
  await symlink(one.directory, mount);
  const sharer = await host(mount);
  const { name } = await inActivity(() => one.writeProbe({ token, instanceId }));
  expect(await inActivity(() => sharer.seesProbe({ token, instanceId, name }))).toEqual({ isSeen: true });
  expect(await inActivity(() => other.seesProbe({ token, instanceId, name }))).toEqual({ isSeen: false });
  await inActivity(() => one.writeProbe({ token, instanceId })); // a step that is repeated writes another
  await inActivity(() => one.removeProbes({ token, instanceId }));
  expect((await readdir(join(one.directory, instanceId))).sort()).toEqual(['generation', 'lock']);
});

test('only a file of a probe is looked for', async () => {
  const one = await host();
  await inActivity(() => one.writeProbe({ token, instanceId }));
  expect(await inActivity(() => one.seesProbe({ token, instanceId, name: 'generation' }))).toEqual({ isSeen: false });
});

test('a probe is answered by one of the host that looked for it, and closed by who wrote it, whoever has the instance', async () => {
  const [one, other] = [await host(), await host()];
  const { name } = await inActivity(() => one.writeProbe({ token, instanceId }));
  const answer = () => inActivity(() => other.answerProbe({ token: { ...token, step: 3 }, instanceId, name }));
  const { name: answered, isSeen } = await answer();
  expect(isSeen).toBe(false);
  expect(await answer()).toEqual({ name: answered, isSeen }); // a step that is repeated leaves no second file
  const held = { token: { ...token, generation: 0 }, instanceId };
  expect(await inActivity(() => one.closeProbe({ ...held, name, other: answered }))).toEqual({ isSeen: false });
  expect(await inActivity(() => other.closeProbe({ ...held, name: 'generation', other: answered }))).toEqual({ isSeen: true });
  await inActivity(() => other.closeProbe({ ...held, name: answered, other: null }));
  for (const { directory } of [one, other]) expect((await readdir(join(directory, instanceId))).sort()).toEqual(['generation', 'lock']);
});

const own = `sha256:${'1'.repeat(64)}`;
const converted = `sha256:${'2'.repeat(64)}`;

test.for<[string, Parameters<typeof writeBaseNote>[1] | null | 'no base', Partial<Backing>, string]>([
  ['the image itself, as it is here', { image: own, converted: null }, { checksum: own, format: 'raw' }, 'same'],
  [
    'what the image was converted to, here too',
    { image: own, converted: { format: 'raw', checksum: converted } },
    { checksum: converted, format: 'raw' },
    'same',
  ],
  ['a base of before formats were noted', { image: own, converted: null }, { checksum: own }, 'same'],
  [
    'the image itself, which was converted here',
    { image: own, converted: { format: 'raw', checksum: converted } },
    { checksum: own, format: 'qcow2' },
    'differs',
  ],
  ['other bytes', { image: own, converted: null }, { checksum: converted, format: 'raw' }, 'differs'],
  ['a base of which nothing is noted here', null, { checksum: own, format: 'raw' }, 'unknown'],
  ['an image that is not here', 'no base', { checksum: own, format: 'raw' }, 'absent'],
])('an overlay on %s', async ([, note, backing, answer]) => {
  const one = await host();
  const path = one.pathOf('image');
  await mkdir(dirname(path), { recursive: true });
  if (note !== 'no base') await writeFile(path, '');
  if (note !== null && note !== 'no base') await writeBaseNote(path, note);
  const due = { imageId: 'image', checksum: own, ...backing };
  expect(await comparison(path, due)).toBe(answer);
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signalProcess, whenEnded } from '../../lab/lab.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Finding } from '../../src/model/verify/finding.ts';
import type { Plant, Victims } from './verify/plants/plant.ts';
import { plantsIn } from './verify/plants.ts';
import { startWorld, type World } from './verify/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld('test-verify');
});
afterAll(() => world[Symbol.asyncDispose]());

/** A finding without its advice. */
function facts({ kind, host, what }: Pick<Finding, 'kind' | 'host' | 'what'>): string {
  return `${kind} ${host}: ${what}`;
}

test('a cloud that nobody used is as its records say', async () => {
  expect(await world.verify()).toEqual([]);
});

test('a host that nobody knows is refused', async () => {
  await expect(world.verify({ hosts: ['cn9'] })).rejects.toMatchObject({ cause: { type: 'HostNotFound' } });
});

test('operations in progress are no finding, nor is what they leave', { timeout: 240_000 }, async () => {
  const names = ['web0', 'web1', 'web2', 'web3', 'web4'];
  const builds = Promise.all(names.map((name) => world.build(name)));
  const seen = await findingsDuring(builds);
  const instances = await builds;
  seen.push(...(await world.verify()));
  const deletes = Promise.all(instances.map(({ id }) => world.execute<Instance>('deleteInstance', { instanceId: id })));
  seen.push(...(await findingsDuring(deletes)), ...(await world.verify()));
  expect(seen).toEqual([]);
});

async function findingsDuring(work: Promise<unknown>): Promise<Finding[]> {
  const found: Finding[] = [];
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone) found.push(...(await world.verify()));
  return found;
}

describe('what is made wrong by hand', () => {
  let plants: readonly Plant[];
  let victims: Victims;
  let found: readonly Finding[];

  beforeAll(async () => {
    victims = {
      intact: await world.build('intact'),
      unclaimed: await world.build('unclaimed'),
      unplugged: await world.build('unplugged'),
      copied: await world.build('copied'),
      undefined: await world.build('undefined'),
      frozen: await world.build('frozen'),
      deleted: await world.build('deleted'),
    };
    await world.execute('deleteInstance', { instanceId: victims.deleted.id });
    plants = plantsIn(world, victims);
    expect(await world.verify()).toEqual([]);
    for (const { plant } of plants) await plant();
    found = await world.verify();
  }, 240_000);

  test('is found, all of it and nothing else', () => {
    const expected = plants.flatMap((plant) => [plant, ...(plant.also ?? [])]);
    expect(found.map(facts).sort()).toEqual(expected.map(facts).sort());
  });

  test('is explained by a sentence that says more than the finding', () => {
    for (const { what, likelyCause } of found) expect(likelyCause, what).toMatch(/^\S.{20,}[^.]$/);
  });

  test('is found on the hosts that were asked for, and not on others', async () => {
    const onFirst = await world.verify({ hosts: ['cn1'] });
    const expected = found.filter(({ kind, host }) => host === 'cn1' || (host === null && kind === 'UnknownFile'));
    expect(onFirst.map(facts).sort()).toEqual(expected.map(facts).sort());
  });

  test('is gone when it was taken away and its instances are deleted', { timeout: 240_000 }, async () => {
    for (const { remove } of plants) await remove?.();
    const { deleted, ...left } = victims;
    for (const { id } of Object.values(left)) await world.execute('deleteInstance', { instanceId: id });
    expect(await world.verify()).toEqual([]);
  });
});

test('a silent host is a finding of its own, and the others are compared', async () => {
  const worker = world.workers.get('cn2');
  if (worker === undefined) throw new Error('cn2 has a worker');
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
  expect((await world.verify()).map(facts)).toEqual(['HostSilent cn2: host cn2 could not be listed']);
});

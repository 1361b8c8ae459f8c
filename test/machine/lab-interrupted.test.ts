import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mountPointsBelow } from '../../lab/instances-disk.ts';
import { down, findLab, isAnswering, listWorld, up } from '../../lab/lab.ts';
import { dataDirOf, stateDirOf, switchNetnsOf } from '../../lab/names.ts';
import { readState } from '../../lab/state.ts';
import { until } from '../../lab/wait.ts';

const name = 'test-half';
const cli = join(import.meta.dirname, '../../lab/cli.ts');
const moments: readonly { moment: string; isReached: () => boolean | Promise<boolean> }[] = [
  { moment: 'its name is taken', isReached: () => existsSync(stateDirOf(name)) },
  { moment: 'its state is written', isReached: () => existsSync(join(stateDirOf(name), 'lab.json')) },
  { moment: 'its switch is there', isReached: () => existsSync(join('/run/netns', switchNetnsOf(name))) },
  { moment: 'a disk is mounted', isReached: async () => (await mountPointsBelow(dataDirOf(name))).length > 0 },
  { moment: 'a host begins to boot', isReached: () => existsSync(join(dataDirOf(name), 'cn1/init.log')) },
  { moment: 'a host has booted', isReached: () => existsSync(join(dataDirOf(name), 'cn1/run/booted')) },
  { moment: 'a libvirtd listens', isReached: () => existsSync(join(dataDirOf(name), 'cn2/run/libvirt/libvirt-sock')) },
];

let before: readonly string[];

beforeEach(async () => {
  await down(name);
  before = await listWorld();
});

afterEach(() => down(name));

test.for(moments)('a lab whose maker is killed when $moment goes down without a trace', async ({ moment, isReached }) => {
  await killUpWhen(moment, isReached);

  await down(name);

  expect(await listWorld()).toEqual(before);
});

test('a lab whose maker was killed comes up when it is asked for again', async () => {
  await killUpWhen('a host has booted', () => existsSync(join(dataDirOf(name), 'cn1/run/booted')));

  const lab = await up({ name, hosts: 1 });

  expect(await Promise.all(lab.hosts.map(isAnswering))).toEqual([true]);
});

test('a lab in the making is neither made nor taken down by another program', async () => {
  const maker = startUp();
  await until(async () => ((await readState(name)) === null ? null : true), {
    what: 'the state of the lab',
    timeoutMs: 20_000,
    intervalMs: 1,
  });
  maker.kill('SIGSTOP');

  await expect(up({ name, hosts: 1 })).rejects.toThrow(`lab test-half is being brought up by process ${maker.pid}`);
  await expect(down(name)).rejects.toThrow(`lab test-half is being brought up by process ${maker.pid}: end that first`);

  maker.kill('SIGKILL');
  await once(maker, 'exit');
});

test('a lab that is interrupted in the making leaves nothing behind', async () => {
  const maker = startUp();
  await until(() => (existsSync(join(dataDirOf(name), 'cn1/init.log')) ? true : null), {
    what: 'the boot of a host',
    timeoutMs: 20_000,
    intervalMs: 1,
  });
  maker.kill('SIGINT');
  expect(await once(maker, 'exit')).toEqual([1, null]);

  expect(await listWorld()).toEqual(before);
});

test('two labs stand side by side, and one goes without the other', async () => {
  const neighbour = `${name}-cn1`;
  const [lab, other] = await Promise.all([up({ name, hosts: 1 }), up({ name: neighbour, hosts: 1 })]);
  expect(new Set([lab.managementCidr, lab.providerCidr, other.managementCidr, other.providerCidr]).size).toBe(4);

  await down(name);
  expect(await findLab(name)).toBeNull();
  expect(await Promise.all(other.hosts.map(isAnswering))).toEqual([true]);

  await down(neighbour);
  expect(await listWorld()).toEqual(before);
});

async function killUpWhen(moment: string, isReached: () => boolean | Promise<boolean>): Promise<void> {
  const maker = startUp();
  await until(async () => ((await isReached()) ? true : null), { what: moment, timeoutMs: 20_000, intervalMs: 1 });
  maker.kill('SIGKILL');
  expect(await once(maker, 'exit')).toEqual([null, 'SIGKILL']);
  expect((await readState(name))?.phase ?? 'making').toBe('making');
}

function startUp(): ChildProcess {
  return spawn(process.execPath, [cli, 'up', '--name', name, '--hosts', '2', '--instances-size', '100'], { stdio: 'ignore' });
}

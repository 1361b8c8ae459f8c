import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest, logOf } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, runInHost, signalProcess } from '../../lab/lab.ts';
import { run as command } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import { dataConverterWith } from '../../src/client.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { testKeyFile, testKeys } from '../codec/test-keys.ts';
import { findings, letGo, startStopped, whenHit } from '../faults/matrix.ts';
import { canariesIn, secrets } from '../workflows/canaries.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { blankImage } from './blank-image.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { keptOf } from './kept.ts';

const saveDir = '/var/lib/libvirt/qemu/save';

let own: OwnCloud;
const { run, start, hostNamed } = asking(() => own);
let host: LabHost;
/** The guest that goes through all of it, and one that is left alone: its ticks are the clock. */
let guest: Instance;
let clock: Instance;
let blank: string;
let keyFile: ReturnType<typeof testKeyFile>;

beforeAll(async () => {
  keyFile = testKeyFile();
  own = await ownCloud('life', { NOVAFLOW_RECLAIM_INSTANCE_INTERVAL_SECONDS: '3600', NOVAFLOW_CODEC_KEY_FILE: keyFile.path });
  const { kernelId, ramdiskId, properties } = await importGuest(own.cloud, await buildGuest({}));
  const screen = { name: 'screen', source: 'file:tiny-root', diskFormat: 'raw', kernelId, ramdiskId };
  await run<Image>('importImage', { ...screen, properties: { ...properties, hw_video_model: 'vga' } });
  await run<Image>('importImage', { ...screen, name: 'agent', properties: { ...properties, hw_qemu_guest_agent: 'yes' } });
  blank = await blankImage(own);
  await run('disableHost', { host: 'cn2', reason: 'one host is enough' });
  host = hostNamed('cn1');
  const build = (name: string, image: string) => run<Instance>('buildInstance', { name, image, flavor: 'lab.tiny' });
  [guest, clock] = await Promise.all([build('walks', 'screen'), build('clock', 'agent')]);
  await Promise.all([whenBooted(guest, 1), whenBooted(clock, 1)]);
}, 120_000);
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  keyFile[Symbol.dispose]();
});

test('a guest that is paused does not tick, and ticks on where it was when it is unpaused', async () => {
  expect(await act('pauseInstance')).toMatchObject({ vmState: 'paused', powerState: 'paused' });
  const before = await lastTick(guest);
  await ticksMore(clock, 2);
  expect(await lastTick(guest)).toBe(before);
  expect(await act('unpauseInstance')).toMatchObject({ vmState: 'active', powerState: 'running' });
  await whenTick(guest, before + 1);
  expect(await bootsSeen(guest)).toBe(1);
});

test('a suspend on a host without room for the memory is refused with the guest running', async () => {
  await runInHost(host, ['mkdir', '-p', saveDir]);
  await runInHost(host, ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', saveDir]);
  const end = await endOf(await start('suspendInstance', { instanceId: guest.id }));
  await runInHost(host, ['umount', saveDir]);
  expect(end).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringContaining('MiB free') });
  expect(await record(guest)).toMatchObject({ vmState: 'active', powerState: 'running' });
  await ticksMore(guest, 1);
});

test('a guest that is suspended has no QEMU, and resumed it ticks on without a boot; what was saved outlives a restore that fails', async () => {
  expect(await act('suspendInstance')).toMatchObject({ vmState: 'suspended', powerState: 'shutdown' });
  const before = await lastTick(guest);
  expect(await runInHost(host, ['virsh', 'domstate', guest.id])).toContain('shut off');

  const saved = join(saveDir, `novaflow-${guest.id}.save`);
  await runInHost(host, ['cp', '--sparse=always', saved, `${saved}.kept`]);
  await runInHost(host, ['truncate', '--size', '4096', saved]);
  const resume = await start('resumeInstance', { instanceId: guest.id, onFailure: 'rollback' });
  expect(await endOf(resume)).toMatchObject({ type: 'OperationFailed', message: expect.stringContaining('which is kept') });
  expect(await record(guest)).toMatchObject({ vmState: 'suspended', powerState: 'shutdown', operation: null });
  expect(await runInHost(host, ['stat', '--format', '%s', saved])).toContain('4096');

  await runInHost(host, ['mv', `${saved}.kept`, saved]);
  expect(await act('resumeInstance')).toMatchObject({ vmState: 'active', powerState: 'running', fault: null });
  await whenTick(guest, before + 1);
  expect(await bootsSeen(guest)).toBe(1);
});

test('an interrupt reaches the guest’s kernel, and its screen is a picture', async () => {
  expect(await act('triggerCrashDump')).toMatchObject({ vmState: 'active' });
  await until(async () => ((await consoleOf(guest)).includes('NMI') ? true : null), { what: 'the NMI', timeoutMs: 20_000 });
  const { pngBase64 } = await run<{ pngBase64: string }>('getScreenshot', { instanceId: guest.id });
  expect(Buffer.from(pngBase64, 'base64').subarray(1, 4).toString()).toBe('PNG');
});

test('the agent of a guest sets the password of its administrator, which nothing else learns', async () => {
  expect(await setPassword(clock)).toMatchObject({ vmState: 'active', powerState: 'running', fault: null });
  expect(await consoleOf(clock)).toContain('PASSWORD of root is set');
  const kept = await keptOf(own, host, clock);
  expect([...kept].some(([name, bytes]) => name.startsWith(own.temporalDirectory) && bytes.includes(clock.id))).toBe(true);
  expect([...kept].flatMap(([name, bytes]) => canariesIn(bytes).map((canary) => `${canary} in ${name}`))).toEqual([]);
});

test('a guest whose agent does not answer gets no password, and runs on', async () => {
  const mute = await buildBlank(await blankImage(own, { hw_qemu_guest_agent: 'yes' }));
  const why = { type: 'InstancePasswordSetFailed', message: expect.stringContaining("the guest's agent does not answer") };
  await expect(setPassword(mute)).rejects.toMatchObject({ cause: why });
  expect(await record(mute)).toMatchObject({ vmState: 'active', powerState: 'running', operation: null, fault: why });
});

test('a guest with an agent has the time of day when it is resumed', async () => {
  await agent(clock, 'guest-set-time', { time: 1e18 });
  expect(await act('suspendInstance', {}, clock)).toMatchObject({ vmState: 'suspended' });
  expect(await act('resumeInstance', {}, clock)).toMatchObject({ vmState: 'active' });
  const askedAt = Date.now();
  const guestMs = Number(await agent(clock, 'guest-get-time')) / 1e6;
  expect(guestMs).toBeGreaterThan(askedAt - 3000);
  expect(guestMs).toBeLessThan(Date.now() + 3000);
});

test('a soft reboot asks the guest to shut down, a hard one does not, and each boots it once', async () => {
  const [soft, hard] = await Promise.all([act('rebootInstance', { mode: 'soft' }), act('rebootInstance', { mode: 'hard' }, clock)]);
  await Promise.all([whenBooted(guest, 2), whenBooted(clock, 2)]);
  expect(soft).toMatchObject({ vmState: 'active', powerState: 'running' });
  expect(hard).toMatchObject({ vmState: 'active', powerState: 'running', machineType: clock.machineType });
  expect(await consoleOf(guest)).toContain('GUEST DOWN');
  expect(await consoleOf(clock)).not.toContain('GUEST DOWN');
});

test('a guest that is stopped shuts down by itself, and boots with its disk when it is started', async () => {
  expect(await act('stopInstance')).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
  expect((await consoleOf(guest)).split('GUEST DOWN')).toHaveLength(3);
  expect(await journal(guest)).toHaveLength(2);
  await refusedWithNothingTouched('stopped', ['stopInstance', 'pauseInstance', 'unpauseInstance', 'suspendInstance', 'resumeInstance']);

  expect(await act('softDeleteInstance', {}, clock)).toMatchObject({ vmState: 'soft-delete', powerState: 'shutdown' });
  expect(await journal(clock)).toHaveLength(2);
  expect(await fits(secrets.adminPassword, await fileOf(clock, '/etc/shadow'))).toBe(true);
  const [started, restored] = await Promise.all([act('startInstance'), act('restoreInstance', {}, clock)]);
  await Promise.all([whenBooted(guest, 3), whenBooted(clock, 3)]);
  expect(started).toMatchObject({ vmState: 'active', powerState: 'running' });
  expect(restored).toMatchObject({ vmState: 'active', powerState: 'running', open: null });
});

test('an instance is deleted whatever state it is in, and nothing of it is left', async () => {
  const states = ['pauseInstance', 'suspendInstance', 'stopInstance', 'softDeleteInstance'];
  const gone = await Promise.all(
    states.map(async (type) => {
      const { id: instanceId } = await buildBlank();
      await run(type, { instanceId, ...(type === 'stopInstance' ? { mode: 'hard' } : {}) });
      return run<Instance>('deleteInstance', { instanceId });
    }),
  );
  const left = [await runInHost(host, ['virsh', 'list', '--all', '--uuid']), await runInHost(host, ['ls', saveDir])].join();
  for (const { id, vmState } of gone) expect([vmState, left.includes(id)]).toEqual(['deleted', false]);
  expect(await findings(own)).toEqual([]);
});

// A frozen worker takes the steps that it had asked for with it until they time out, which is half a minute.
if (process.env['NOVAFLOW_TEST_ALL'] === '1') {
  test('a worker that was frozen in a stop and wakes after the guest was started anew leaves the guest alone', async () => {
    const victim = await buildBlank();
    const request = { instanceId: victim.id, mode: 'hard' };
    const stop = await startStopped(own, 'stopInstance', { step: 'switchGuestOff', point: 'before', request });
    await whenHit(own, stop);
    const zombie = own.workers.compute.get('cn1');
    if (zombie === undefined) throw new Error('there is no worker of cn1');
    signalProcess(zombie, 'SIGSTOP');
    await stop.run.terminate('by the test');
    await until(async () => ((await record(victim)).vmState === 'error' ? true : null), {
      what: 'the record to be free',
      timeoutMs: 20_000,
    });

    // Another worker beside it, which finds no lock of the first: nothing parts the two but the generation and the step.
    await rm(join(host.instancesDir, '.worker-cn1.lock'));
    await own.startCompute('cn1');
    expect(await act('rebootInstance', { mode: 'hard' }, victim)).toMatchObject({ vmState: 'active', powerState: 'running' });
    const runNumber = await runInHost(host, ['virsh', 'domid', victim.id]);

    await letGo(own, stop);
    signalProcess(zombie, 'SIGCONT');
    const log = logOf(own.cloud.lab, 'cn1');
    const isRefused = async () => ((await command('cat', [log])).includes('is held by generation') ? true : null);
    await until(isRefused, { what: 'the late attempt', timeoutMs: 60_000, intervalMs: 100 });
    await ticksMore(clock, 3);
    expect(await runInHost(host, ['virsh', 'domid', victim.id])).toBe(runNumber);
    expect(await runInHost(host, ['virsh', 'domstate', victim.id])).toContain('running');
    signalProcess(zombie, 'SIGKILL');
  });
}

function act(type: string, how: object = {}, { id: instanceId }: Instance = guest): Promise<Instance> {
  return run<Instance>(type, { instanceId, ...how });
}

/** Sends the canary among the secrets, encrypted. */
function setPassword({ id: instanceId }: Instance): Promise<Instance> {
  const { connection, options } = own.client;
  const { workflow } = new Client({ connection, namespace: options.namespace, dataConverter: dataConverterWith(async () => testKeys) });
  const { adminPassword } = secrets;
  const started = { taskQueue: controlQueue, workflowId: `password-${instanceId}`, args: [{ instanceId, adminPassword }] };
  return workflow.execute('setInstancePassword', started);
}

/** What a guest's agent answers. */
async function agent({ id }: Instance, execute: string, args: object = {}): Promise<unknown> {
  const asked = JSON.stringify({ execute, arguments: args });
  return JSON.parse(await runInHost(host, ['virsh', 'qemu-agent-command', id, asked])).return;
}

/** A guest with nothing to boot: it costs the machine next to nothing. */
function buildBlank(image = blank): Promise<Instance> {
  return run<Instance>('buildInstance', { name: 'blank', image, flavor: { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 } });
}

function record({ id }: Instance): Promise<Instance> {
  return own.client.workflow.getHandle(`instance/${id}`).query<Instance>('record');
}

async function refusedWithNothingTouched(vmState: string, types: readonly string[]): Promise<void> {
  const before = await record(guest);
  for (const type of types) {
    expect(await endOf(await start(type, { instanceId: guest.id }))).toMatchObject({ type: 'InvalidState', details: { vmState } });
  }
  expect(await record(guest)).toEqual(before);
}

/** All that a guest has written to its console, through all its boots. */
function consoleOf({ id }: Instance): Promise<string> {
  return command('cat', [join(host.instancesDir, id, 'console.log')]);
}

async function bootsSeen(instance: Instance): Promise<number> {
  return (await consoleOf(instance)).split('GUEST UP').length - 1;
}

function whenBooted(instance: Instance, times: number): Promise<true> {
  const look = async () => ((await bootsSeen(instance)) >= times ? true : null);
  return until(look, { what: `boot ${times} of ${instance.name}`, timeoutMs: 60_000, intervalMs: 100 });
}

async function lastTick(instance: Instance): Promise<number> {
  return Number([...(await consoleOf(instance)).matchAll(/TICK (\d+)/g)].at(-1)?.[1] ?? 0);
}

function whenTick(instance: Instance, tick: number): Promise<true> {
  const look = async () => ((await lastTick(instance)) >= tick ? true : null);
  return until(look, { what: `tick ${tick} of ${instance.name}`, timeoutMs: 30_000, intervalMs: 100 });
}

async function ticksMore(instance: Instance, count: number): Promise<void> {
  await whenTick(instance, (await lastTick(instance)) + count);
}

/** The boots that a guest noted on its disk. */
async function journal(instance: Instance): Promise<readonly string[]> {
  return (await fileOf(instance, '/journal')).split('\n').filter((line) => line !== '');
}

/** A file on the disk of a guest that is off. */
async function fileOf({ id }: Instance, path: string): Promise<string> {
  const [disk, flat] = ['disk', 'flat.raw'].map((name) => `/var/lib/nova/instances/${id}/${name}`) as [string, string];
  await runInHost(host, ['qemu-img', 'convert', '-O', 'raw', disk, flat]);
  const text = await command('debugfs', ['-R', `cat ${path}`, join(host.instancesDir, id, 'flat.raw')]);
  await rm(join(host.instancesDir, id, 'flat.raw'));
  return text;
}

/** Whether a password is the one of root in a file of shadow passwords. */
async function fits(password: string, shadow: string): Promise<boolean> {
  const [, hash = ''] = shadow.split(':');
  return (await command('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, hash])) === hash;
}

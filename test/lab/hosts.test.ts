import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, readdir, readFile, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startComputeWorker } from '../../lab/cloud.ts';
import { buildGuest, cutOff, type LabHost, loseHost, reconnect, returnHost, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { baseNameOf } from '../../src/model/base-name.ts';
import type { Host } from '../../src/model/host.ts';
import type { OwedRemoval } from '../../src/model/host-record.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Network } from '../../src/model/network.ts';
import type { CachedImage, HostAudit } from '../../src/schema/results.ts';
import { findings } from '../faults/matrix.ts';
import { stepsOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

let own: OwnCloud;
const { hostNamed, start, run, record, whenSaid } = asking(() => own);
let image: Image;

beforeAll(async () => {
  own = await ownCloud('hosts', { NOVAFLOW_IMAGE_CACHE_PASS_SECONDS: '1', NOVAFLOW_IMAGE_CACHE_KEEP_HOURS: '1' });
  image = await importQcow2Guest();
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

const roomy = { name: 'roomy', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 1 };

test('a qcow2 image is cached on both hosts as the same raw base, and a guest starts from it without a fetch', async () => {
  const { hosts } = await run<CachedImage>('cacheImage', { imageId: image.id });
  expect(hosts).toEqual(['cn1', 'cn2'].map((host) => ({ host, state: 'cached', reason: null })));
  const [one, other] = await Promise.all(['cn1', 'cn2'].map((name) => sha256(baseOn(hostNamed(name)))));
  expect(one).toBe(other);
  expect(await readFile(`${baseOn(hostNamed('cn1'))}.checksum`, 'utf8')).toBe(`${image.checksum}\nraw ${one}\n`);

  const { build, instance } = await builtOn('cn2', roomy);
  expect(await stepsOf(build)).not.toContain('fetchBases');
  expect(instance.disks[0]).toMatchObject({ kind: 'qcow2', backing: { imageId: image.id, checksum: one, format: 'raw' } });
  await whenSaid(instance.id, 'GUEST UP');
});

test('an image that is old goes where nothing uses it, and stays under the disk of a guest', async () => {
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
  const bases = ['cn1', 'cn2'].map((name) => baseOn(hostNamed(name)));
  for (const base of bases) for (const suffix of ['', '.checksum']) await utimes(`${base}${suffix}`, twoHoursAgo, twoHoursAgo);
  const [unused = '', used = ''] = bases;
  const patience = { timeoutMs: 30_000, intervalMs: 50 };
  const leftOfUnused = async () => (await readdir(dirname(unused))).filter((name) => name.startsWith(baseNameOf(image.id)));
  // Its note and its lock go after it.
  await until(async () => ((await leftOfUnused()).length > 0 ? null : true), { what: 'all of the unused image to go', ...patience });
  await until(async () => ((await stat(used)).mtime > twoHoursAgo ? true : null), { what: 'the used image to be as new', ...patience });
  expect(await findings(own)).toEqual([]);
});

test('an audit counts what disks may still take, gives a claim of nobody back, and tells the rest', async () => {
  const clean = await run<HostAudit>('auditHost', { host: 'cn2' });
  expect(clean).toMatchObject({ differences: [], healed: [] });
  const { freeBytes, overCommittedBytes, availableLeastBytes } = clean.disk;
  expect(overCommittedBytes).toBeGreaterThan(1900 * 1024 ** 2); // an overlay and an ephemeral disk of 1 GiB with a few MiB in each
  expect(availableLeastBytes).toBe(freeBytes - overCommittedBytes);

  const nobody = { id: randomUUID(), instanceId: randomUUID(), generation: 1, vcpus: 1, memoryMiB: 64, diskGiB: 1 };
  await own.client.workflow.getHandle('host/cn2').executeUpdate('claim', { args: [nobody] });
  const { differences, healed } = await run<HostAudit>('auditHost', { host: 'cn2' });
  expect(differences).toEqual([]);
  expect(healed).toMatchObject([{ kind: 'UnknownClaim', what: expect.stringContaining(nobody.id) }]);
  expect((await record<Host>('host/cn2')).claims.map(({ id }) => id)).not.toContain(nobody.id);
});

interface Loss {
  readonly lose: (host: LabHost) => Promise<void>;
  readonly bringBack: (host: LabHost) => Promise<void>;
  /** Whether its guests run on meanwhile. */
  readonly runsOn: boolean;
}

const losses: Readonly<Record<string, Loss>> = {
  lost: {
    lose: loseHost,
    bringBack: async (host) => {
      await returnHost(host);
      await own.startCompute(host.name);
    },
    runsOn: false,
  },
  'cut off': { lose: cutOff, bringBack: reconnect, runsOn: true },
};

/** Hosts take their time to be missed and to come back: in the long run. */
describe.each(process.env['NOVAFLOW_TEST_ALL'] === '1' ? Object.entries(losses) : [])(
  'when its host is %s',
  (_name, { lose, bringBack, runsOn }) => {
    test('a delete completes, its guest keeps its address, and is gone when the host is back', async () => {
      const { instance } = await builtOn('cn1');
      const host = hostNamed('cn1');
      await lose(host);
      await until(async () => ((await record<Host>('host/cn1')).state === 'down' ? true : null), {
        what: 'cn1 to be down',
        timeoutMs: 60_000,
        intervalMs: 50,
      });
      expect(await run<Instance>('deleteInstance', { instanceId: instance.id })).toMatchObject({ vmState: 'deleted' });
      expect((await record<Host>('host/cn1')).debts).toMatchObject([{ instanceId: instance.id }]);
      expect(await addressesOf(instance.id)).toEqual(instance.ports.map(({ ip }) => ip));
      if (runsOn) expect(await runInHost(host, ['virsh', 'list', '--uuid'])).toContain(instance.id);

      await bringBack(host);
      await until(async () => ((await own.client.workflow.getHandle('host/cn1').query<OwedRemoval[]>('owed')).length === 0 ? true : null), {
        what: 'cn1 to pay',
        timeoutMs: 90_000,
        intervalMs: 50,
      });
      expect(await runInHost(host, ['virsh', 'list', '--all', '--uuid'])).not.toContain(instance.id);
      expect((await readdir(join(host.instancesDir, instance.id))).sort()).toEqual(['generation', 'lock']);
      expect(await addressesOf(instance.id)).toEqual([]);
      expect(await findings(own)).toEqual([]);
    });
  },
);

/** The worker takes its time to come back: in the long run. */
if (process.env['NOVAFLOW_TEST_ALL'] === '1') {
  test('a guest that went on elsewhere while its worker was away is destroyed before the worker takes any work, and its disk is kept', async () => {
    const { instance } = await builtOn('cn1');
    const { instance: other } = await builtOn('cn1');
    const host = hostNamed('cn1');
    await killWorker(host);
    for (const one of [instance, other]) await wentOnElsewhere(one, 'cn2');
    await runInHost(host, ['virsh', 'destroy', other.id]);
    expect(await runInHost(host, ['virsh', 'domstate', instance.id])).toContain('running');

    const waiting = await start('cacheImage', { imageId: image.id, hosts: ['cn1'] });
    await own.startCompute('cn1');
    await waiting.result();
    const tookWorkAt = await startedAt(waiting.workflowId, 'fetchBases');
    expect(await runInHost(host, ['virsh', 'domstate', instance.id])).toContain('shut off');
    expect(await destroyedAt(host, instance.id)).toBeLessThan(tookWorkAt);
    expect(existsSync(join(host.instancesDir, instance.id, 'disk'))).toBe(true);
    const kept = { host: 'cn1', kind: 'UnknownFile', likelyCause: expect.stringContaining('a host that came back') };
    expect(await findings(own)).toEqual(expect.arrayContaining([expect.objectContaining(kept)]));

    await restartedWith(host, { NOVAFLOW_EVACUATED_KEEP_HOURS: '0' });
    for (const { id } of [instance, other]) {
      const left = async () => (await readdir(join(host.instancesDir, id))).sort().join();
      await until(async () => ((await left()) === 'generation,lock' ? true : null), { what: 'cn1 to remove the disk', timeoutMs: 30_000 });
      expect(await runInHost(host, ['virsh', 'list', '--all', '--uuid'])).not.toContain(id);
    }
  });
}

async function killWorker({ name }: LabHost): Promise<void> {
  const worker = own.workers.compute.get(name);
  if (worker === undefined) throw new Error(`${name} has no worker`);
  signalProcess(worker, 'SIGKILL');
  await whenEnded(worker);
}

/** The worker of a host ends and begins anew with other settings. */
async function restartedWith(host: LabHost, settings: Readonly<Record<string, string>>): Promise<void> {
  await killWorker(host);
  const cloud = { ...own.cloud, settings: { ...own.cloud.settings, ...settings } };
  own.workers.compute.set(host.name, await startComputeWorker(cloud, host));
}

/** The record as an operation leaves it that brought the instance to another host; there is none yet that does so without this one. */
async function wentOnElsewhere({ id, host }: Instance, to: string): Promise<void> {
  const handle = own.client.workflow.getHandle(`instance/${id}`);
  // A run that is under way, so that nobody takes its operation for dead.
  const { workflowId, runId } = await own.client.workflow.getHandle(`host/${host}`).describe();
  const run = { workflowId, runId, firstRunId: randomUUID() };
  const begin = { run, type: 'evacuateInstance', part: 1, userId: 'test', taskState: null, create: null, isAdmin: true, takeOver: false };
  await handle.executeUpdate('begin', { args: [begin] });
  await handle.executeUpdate('finish', { args: [{ run, part: 1, end: 'completed', steps: [], changes: { host: to } }] });
}

/** When the step began, by its history. */
async function startedAt(workflowId: string, step: string): Promise<number> {
  const { events } = await own.client.workflow.getHandle(workflowId).fetchHistory();
  const scheduled = events?.find(({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === step);
  const started = events?.find(({ activityTaskStartedEventAttributes: one }) => one?.scheduledEventId?.equals(scheduled?.eventId ?? 0));
  const { seconds = 0, nanos = 0 } = started?.eventTime ?? {};
  if (started === undefined) throw new Error(`${workflowId} never began ${step}`);
  return Number(seconds) * 1000 + Number(nanos) / 1e6;
}

/** When libvirt says that it ended the guest: `2026-11-27 07:05:01.123+0000: shutting down, reason=destroyed`. */
async function destroyedAt(host: LabHost, instanceId: string): Promise<number> {
  const log = await runInHost(host, ['cat', `/var/log/libvirt/qemu/novaflow-${instanceId}.log`]);
  const [, at = ''] = log.match(/^(\S+ [\d:.]+)\+0000: shutting down, reason=destroyed$/m) ?? [];
  return Date.parse(`${at.replace(' ', 'T')}Z`);
}

async function importQcow2Guest(): Promise<Image> {
  const guest = await buildGuest({});
  const directory = own.cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '';
  await copyFile(guest.kernel, join(directory, 'kernel'));
  await copyFile(guest.initrd, join(directory, 'initrd'));
  await promisify(execFile)('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', guest.rootImage, join(directory, 'root.qcow2')]);
  const imported = (file: string, diskFormat: string, more = {}) =>
    run<Image>('importImage', { name: file, source: `file:${file}`, diskFormat, ...more });
  const [kernel, ramdisk] = await Promise.all([imported('kernel', 'aki'), imported('initrd', 'ari')]);
  const properties = { os_command_line: guest.cmdline };
  return imported('root.qcow2', 'qcow2', { kernelId: kernel.id, ramdiskId: ramdisk.id, properties });
}

async function builtOn(name: 'cn1' | 'cn2', flavor: string | object = 'lab.tiny') {
  const other = name === 'cn1' ? 'cn2' : 'cn1';
  await run('disableHost', { host: other, reason: `the test builds on ${name}` });
  const build = await start('buildInstance', { name: `on-${name}`, flavor, image: image.id });
  const instance = (await build.result()) as Instance;
  await run('enableHost', { host: other });
  return { build, instance };
}

function baseOn({ instancesDir }: LabHost): string {
  return join(instancesDir, '_base', baseNameOf(image.id));
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function addressesOf(instanceId: string): Promise<string[]> {
  const { ports } = await record<Network>('network/default');
  return ports.filter(({ owner }) => owner === instanceId).map(({ ip }) => ip);
}

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest, startComputeWorker, whenHostUp } from '../../lab/cloud.ts';
import { buildGuest, type LabHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { dataConverterWith } from '../../src/client.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { testKeyFile, testKeys } from '../codec/test-keys.ts';
import { findings } from '../faults/matrix.ts';
import { canariesIn, secrets } from '../workflows/canaries.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { keptOf } from './kept.ts';

const keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS web'];
const sings = 'a-canary-that-sings';

let own: OwnCloud;
let client: Client;
let keyFile: ReturnType<typeof testKeyFile>;
let isoGuest: Instance;
let vfatGuest: Instance;

beforeAll(async () => {
  keyFile = testKeyFile();
  own = await ownCloud('config-drive', { NOVAFLOW_CODEC_KEY_FILE: keyFile.path });
  const { connection, options } = own.client;
  client = new Client({ connection, namespace: options.namespace, dataConverter: dataConverterWith(async () => testKeys) });
  const tiny = await importGuest(own.cloud, await buildGuest({}));
  await makeDrivesOf('cn2', 'vfat');
  isoGuest = await buildOn('cn1', { name: 'Iso Guest', image: tiny.id });
  vfatGuest = await buildOn('cn2', { name: 'Vfat Guest', image: (await relabelled(tiny, 'cidata')).id });
}, 120_000);
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  keyFile[Symbol.dispose]();
});

test('a guest finds on an ISO 9660 drive all that its request had for it, and nobody else learns its secrets', async () => {
  expect(await whatTheGuestTells(isoGuest)).toEqual(['drive config-2 iso9660', ...expected('iso-guest')]);
  await requireSilence(isoGuest);
});

test('a guest whose image asks for it finds the same on a drive of vfat with the label of NoCloud', async () => {
  expect(await whatTheGuestTells(vfatGuest)).toEqual(['drive cidata vfat', ...expected('vfat-guest')]);
  await requireSilence(vfatGuest);
});

/** What the guest says of a drive with the canaries: it prints no secret itself. */
function expected(hostname: string): string[] {
  const userData = sha256(Buffer.from(secrets.userData, 'base64'));
  return [
    `hostname ${hostname}`,
    ...keys.map((key) => `key ${key}`),
    `admin_pass ${sha256(secrets.adminPassword)}`,
    `openstack/latest/user_data ${userData}`,
    `user-data ${userData}`,
    ...secrets.files.map(({ path, contentsBase64 }) => `file ${sha256(path)} ${sha256(Buffer.from(contentsBase64, 'base64'))}`),
  ];
}

/** Looks for the canaries wherever an instance leaves something, then deletes it; they are found on the drive alone. */
async function requireSilence(instance: Instance): Promise<void> {
  const host = hostNamed(instance.host ?? '');
  const directory = join(host.instancesDir, instance.id);
  const drive = join(directory, 'disk.config');
  expect(canariesIn(await readFile(drive))).not.toEqual([]);
  expect((await stat(drive)).mode & 0o777).toBe(0o600);

  const kept = await keptOf(own, host, instance);
  expect([...kept.keys()]).toEqual(expect.arrayContaining([drive, join(directory, 'disk'), join(directory, 'console.log')]));
  expect([...kept].some(([name, bytes]) => name.startsWith(own.temporalDirectory) && bytes.includes(sings))).toBe(true);
  const found = [...kept].flatMap(([name, bytes]) => canariesIn(bytes).map((canary) => [name, canary] as const));
  expect(found.filter(([name]) => name !== drive)).toEqual([]);

  expect(await findings(own)).toEqual([]);
  await run('deleteInstance', { instanceId: instance.id });
  expect((await readdir(directory)).sort()).toEqual(['generation', 'lock']);
}

async function buildOn(name: string, asked: { name: string; image: string }): Promise<Instance> {
  const others = own.cloud.lab.hosts.filter((host) => host.name !== name).map((host) => host.name);
  for (const host of others) await run('disableHost', { host, reason: 'the test wants another' });
  const metadata = { song: sings };
  const instance = await run<Instance>('buildInstance', { ...asked, ...secrets, flavor: 'lab.tiny', publicKeys: keys, metadata });
  for (const host of others) await run('enableHost', { host });
  return instance;
}

/** Restarts the compute worker of a host with another setting. */
async function makeDrivesOf(name: string, format: string): Promise<void> {
  const worker = own.workers.compute.get(name);
  if (worker === undefined) throw new Error(`there is no worker of ${name}`);
  signalProcess(worker, 'SIGTERM');
  await whenEnded(worker);
  const settings = { ...own.cloud.settings, NOVAFLOW_CONFIG_DRIVE_FORMAT: format };
  const started = await startComputeWorker({ ...own.cloud, settings }, hostNamed(name));
  own.workers.compute.set(name, started);
  await whenHostUp(own.cloud, name, started);
}

/** The guest's image again, with the label that it looks for. */
function relabelled({ name, diskFormat, kernelId, ramdiskId, properties }: Image, label: string): Promise<Image> {
  const source = `file:${name}-root`;
  const request = { name: label, source, diskFormat, kernelId, ramdiskId, properties: { ...properties, img_config_drive_label: label } };
  return run<Image>('importImage', request);
}

async function whatTheGuestTells({ id: instanceId }: Instance): Promise<string[]> {
  const output = await until(
    async () => {
      const { output } = await run<{ output: string }>('getConsoleOutput', { instanceId });
      return output.includes('TICK 1') ? output : null;
    },
    { what: `the guest of ${instanceId}`, timeoutMs: 60_000, intervalMs: 200 },
  );
  return [...output.matchAll(/^CONFIG (.*?)\r?$/gm)].map(([, line = '']) => line);
}

function run<Result>(type: string, input: object): Promise<Result> {
  const options = { taskQueue: controlQueue, workflowId: `${type}-${crypto.randomUUID()}`, args: [input] };
  return client.workflow.execute(type, options) as Promise<Result>;
}

function hostNamed(name: string): LabHost {
  const host = own.cloud.lab.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`there is no host ${name}`);
  return host;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

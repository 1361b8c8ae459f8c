import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, signalProcess, whenEnded } from '../../lab/lab.ts';
import { startForwarder } from '../../lab/start-forwarder.ts';
import { until } from '../../lab/wait.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { type Answer, type ImageServer, imageServer, serving } from '../activities/import/image-server.ts';
import { findings } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

const MiB = 1024 ** 2;
/** More than a download notes at once; nothing of it packs or is a hole. */
const content = randomBytes(24 * MiB);
const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;

let own: OwnCloud;
let server: ImageServer;
let url: string;
/** A file system of 300 MB. */
let store: string;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp('/var/tmp/novaflow-imports-');
  store = join(directory, 'store');
  await mkdir(store);
  execFileSync('truncate', ['-s', '300M', join(directory, 'disk')]);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', join(directory, 'disk')]);
  execFileSync('mount', ['-o', 'loop', join(directory, 'disk'), store]);
  own = await ownCloud('imports', {
    NOVAFLOW_IMAGE_STORE_DIRECTORY: store,
    NOVAFLOW_IMPORTS_CA_FILE: join(directory, 'ca.pem'),
    NOVAFLOW_IMPORTS_MAX_SIZE_MIB: '64',
  });
  server = await imageServer(directory, serving(content), { address: own.cloud.lab.gateway, goesWithTest: false });
  const { address } = await startForwarder(own.cloud.lab, { toPort: Number(new URL(server.url).port) });
  url = `https://${address}/image`;
}, 120_000);

afterAll(async () => {
  server?.close();
  await own?.[Symbol.asyncDispose]();
  execFileSync('umount', [store]);
  await rm(directory, { recursive: true });
});

function start(type: string, request: object): Promise<WorkflowHandle> {
  return own.client.workflow.start(type, { taskQueue: controlQueue, workflowId: `${type}/${randomUUID()}`, args: [request] });
}

function startImport(request: object = {}): Promise<WorkflowHandle> {
  return start('importImage', { name: 'fetched', source: url, diskFormat: 'raw', host: 'cn1', ...request });
}

async function remove(imageId: string): Promise<void> {
  await (await start('deleteImage', { imageId })).result();
}

/** What is in the store but the notes of who acted on what. */
async function stored(): Promise<readonly string[]> {
  return (await readdir(store)).filter((name) => !/\.(?:lock|generation)$|^lost\+found$/.test(name));
}

async function nothingIsLeft(): Promise<void> {
  expect(await stored()).toEqual([]);
  expect(await findings(own)).toEqual([]);
}

/** An import of which the server has sent 20 MiB, and says nothing more. */
async function startedAndStalled(request: object = {}): Promise<WorkflowHandle> {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  server.answerBy((_, response) => {
    response.writeHead(200, { etag: '"1"', 'content-length': content.length });
    response.write(content.subarray(0, 20 * MiB), () => resolve());
  });
  const run = await startImport(request);
  await reached;
  return run;
}

describe('an image that comes from a server', () => {
  test('is in the store as it was, and is deleted without a trace', async () => {
    server.answerBy(serving(content));
    const image = (await (await startImport({ checksum })).result()) as Image;
    expect(image).toMatchObject({ status: 'active', checksum, sizeBytes: content.length });
    expect((await readFile(join(store, image.id))).equals(content)).toBe(true);
    await remove(image.id);
    await nothingIsLeft();
  });

  test('is gone on with where it was when the worker that fetched it was killed', async () => {
    const run = await startedAndStalled();
    await until(async () => ((await stored()).some((name) => name.endsWith('.part.json')) ? true : null), {
      what: 'the note of what was fetched',
      timeoutMs: 20_000,
    });
    const worker = own.workers.compute.get('cn1');
    if (worker === undefined) throw new Error('no worker of cn1');
    signalProcess(worker, 'SIGKILL');
    await whenEnded(worker);
    server.answerBy(serving(content));
    await own.startCompute('cn1');
    const image = (await run.result()) as Image;
    expect(image).toMatchObject({ status: 'active', checksum });
    expect(Number.parseInt(server.asked.at(-1) ?? '', 10)).toBeGreaterThanOrEqual(16 * MiB);
    await remove(image.id);
    await nothingIsLeft();
  });

  test('leaves nothing when it is cancelled in the middle', async () => {
    const run = await startedAndStalled();
    await run.cancel();
    expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
    await nothingIsLeft();
  });

  test('under an id that another import has is refused', async () => {
    const imageId = randomUUID();
    const first = await startedAndStalled({ imageId });
    expect(await endOf(await startImport({ imageId }))).toMatchObject({ type: 'ImageExists' });
    await first.cancel();
    await endOf(first);
    await nothingIsLeft();
  });
});

describe('an import that fails leaves nothing', () => {
  const qcow2 = async (): Promise<Buffer> => {
    const [raw, made] = [join(directory, 'raw'), join(directory, 'qcow2')];
    await writeFile(raw, content.subarray(0, 4 * MiB));
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, made]);
    return readFile(made);
  };

  test.for<[string, () => Promise<Answer>, object, string]>([
    [
      'a server that never ends',
      async () => (_, response) => {
        const more = () => void (response.destroyed || response.write(content, more));
        more();
      },
      {},
      'larger than 64 MiB',
    ],
    [
      'a server that says half of the length',
      async () => {
        const whole = await qcow2();
        return serving(whole.subarray(0, whole.length / 2));
      },
      { diskFormat: 'qcow2' },
      'cannot read the image',
    ],
    ['a file of another content', async () => serving(content), { checksum: `sha256:${'0'.repeat(64)}` }, 'was asked for'],
    ['a file of another format', async () => serving(await qcow2()), {}, 'is a qcow2 image, not raw'],
  ])('from %s', async ([, answer, request, message]) => {
    server.answerBy(await answer());
    expect(await endOf(await startImport(request))).toMatchObject({
      type: 'ImageUnacceptable',
      message: expect.stringContaining(message),
    });
    await nothingIsLeft();
  });

  test('onto a disk that fills', async () => {
    const filler = join(store, 'lost+found', 'filler');
    const free = Number(execFileSync('df', ['--output=avail', '-B1', store]).toString().split('\n')[1]);
    execFileSync('fallocate', ['-l', String(free - 15 * MiB), filler]);
    server.answerBy(serving(content));
    const end = await endOf(await startImport());
    await rm(filler);
    expect(end).toMatchObject({ type: 'DiskSpaceLow' });
    await nothingIsLeft();
  });
});

test.for<[string, (path: string) => Promise<void>, string]>([
  ['gone', (path) => rm(path), 'is not in the store'],
  ['cut at half', (path) => truncate(path, content.length / 2), 'in the store has sha256:'],
])('an image whose file is %s is not used, and may be deleted', async ([, harm, message]) => {
  server.answerBy(serving(content));
  const { id: imageId } = (await (await startImport()).result()) as Image;
  await harm(join(store, imageId));
  const cached = await (await start('cacheImage', { imageId, hosts: ['cn1'] })).result();
  expect(cached).toMatchObject({ hosts: [{ host: 'cn1', state: 'failed', reason: expect.stringContaining(message) }] });
  await remove(imageId);
  await nothingIsLeft();
});

/** A guest takes as long to boot as all the rest. */
const throughGuest = process.env['NOVAFLOW_TEST_ALL'] === '1' ? (['vmdk', 'qcow2'] as const) : [];

test.for(throughGuest)('a guest runs from an image that came as %s', async (diskFormat) => {
  const guest = await buildGuest({});
  const imports = own.cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '';
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', diskFormat, guest.rootImage, join(imports, 'root')]);
  const tiny = await importGuest(own.cloud, guest, `of-${diskFormat}`);
  const { kernelId, ramdiskId, properties } = tiny;
  const request = { name: `from-${diskFormat}`, source: 'file:root', diskFormat, kernelId, ramdiskId, properties };
  const image = (await (await start('importImage', request)).result()) as Image;
  const built = await start('buildInstance', { name: `of-${diskFormat}`, flavor: 'lab.tiny', image: image.id });
  const instance = (await built.result()) as Instance;
  expect(instance.disks[0]).toMatchObject({ format: 'qcow2', backing: { imageId: image.id, format: 'raw' } });
  const look = async () => {
    const { output } = await (await start('getConsoleOutput', { instanceId: instance.id })).result();
    return output.includes('GUEST UP') ? true : null;
  };
  await until(look, { what: 'GUEST UP', timeoutMs: 60_000 });
  expect(await endOf(await start('deleteImage', { imageId: image.id }))).toMatchObject({ type: 'ImageInUse' });
  await (await start('deleteInstance', { instanceId: instance.id })).result();
  for (const imageId of [image.id, tiny.id, kernelId, ramdiskId]) if (imageId !== null) await remove(imageId);
  await nothingIsLeft();
});

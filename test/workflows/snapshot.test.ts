import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, type HostStep, resetTo, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
let base: Image;
/** An instance that nothing is done to. */
let untouched: string;

beforeAll(async () => {
  fleet = await startFleet(['snapshot-1']);
  await furnish(fleet, 'snapshot');
  const [kernelId, ramdiskId] = [await imported('aki'), await imported('ari')];
  const booted = { diskFormat: 'raw', kernelId, ramdiskId, minMemoryMiB: 64, properties: { hw_disk_bus: 'virtio', backup_type: 'daily' } };
  base = await fleet.run<Image>('importImage', { name: 'base', source: 'file:fake', ...booted });
  request = (name) => ({ name, flavor: 'lab.tiny', image: base.id, networks: [{ network: 'snapshot' }] });
  untouched = await instanceThat('stopInstance');
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => {
  fleet.leaveAlone();
  host().isFull = false;
});

const burns = () => Promise.reject(ApplicationFailure.nonRetryable('the disk burns', 'DiskOnFire'));

function host() {
  const found = fleet.hosts.get('snapshot-1');
  if (found === undefined) throw new Error('the host is there');
  return found;
}

async function imported(diskFormat: string): Promise<string> {
  return (await fleet.run<Image>('importImage', { name: diskFormat, source: 'file:fake', diskFormat })).id;
}

/** An instance in a state, by the operations that lead there. */
async function instanceThat(...operations: string[]): Promise<string> {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request(`i-${randomUUID().slice(0, 8)}`));
  for (const type of operations) await fleet.run(type, { instanceId });
  return instanceId;
}

const recordOf = (instanceId: string) => fleet.record<Instance>(`instance/${instanceId}`);
const imageOf = (imageId: string) => fleet.record<Image>(`image/${imageId}`);
const guestOf = (instanceId: string) => host().guests.get(instanceId);
const walked = ({ taskHistory }: Instance) => taskHistory.map(({ taskState }) => taskState);
const snapshot = (instanceId: string, more: object = {}) =>
  fleet.start('snapshotInstance', { instanceId, name: 'shot', mode: 'cold', ...more });

const walkOfNova = ['image_snapshot_pending', 'image_snapshot', 'image_pending_upload', 'image_uploading', null];

/** States in which an image is made of an instance: the guest is afterwards what it was. */
const states: readonly [what: string, leadsThere: readonly string[], vmState: string, guest: string][] = [
  ['runs', [], 'active', 'running'],
  ['is paused', ['pauseInstance'], 'paused', 'paused'],
  ['is stopped', ['stopInstance'], 'stopped', 'defined'],
  ['is suspended', ['suspendInstance'], 'suspended', 'saved'],
];

test('a snapshot walks the task states of Nova and leaves a guest as it was, running, paused, stopped or suspended', async () => {
  await Promise.all(
    states.map(async ([what, leadsThere, vmState, guest]) => {
      const instanceId = await instanceThat(...leadsThere);
      const before = await recordOf(instanceId);
      const image = (await (await snapshot(instanceId)).result()) as Image;

      const instance = await recordOf(instanceId);
      expect([what, walked(instance)]).toEqual([what, walkOfNova]);
      expect([instance.vmState, instance.powerState, guestOf(instanceId)]).toEqual([vmState, before.powerState, guest]);
      expect(image).toMatchObject({ status: 'active', sizeBytes: 1024 ** 2, virtualSizeBytes: 1024 ** 3, checksum: expect.any(String) });
      expect(await imageOf(image.id)).toEqual(image);
      expect([host().snapshots.has(image.id), host().images.has(image.id)]).toEqual([false, true]);
    }),
  );
});

test('the image keeps what a guest needs, says whose it is, and lists the disks that it does not contain', async () => {
  const flavor = { name: 'roomy', vcpus: 1, memoryMiB: 64, rootGiB: 2, ephemeralGiB: 1, swapMiB: 16 };
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', { ...request('roomy'), flavor });
  await fleet.run('stopInstance', { instanceId });
  const imageId = randomUUID();
  const image = await (await snapshot(instanceId, { imageId, format: 'qcow2', properties: { os_distro: 'debian' } })).result();
  expect(image).toMatchObject({
    id: imageId,
    name: 'shot',
    diskFormat: 'qcow2',
    minRootGiB: 2,
    minMemoryMiB: 64,
    kernelId: base.kernelId,
    ramdiskId: base.ramdiskId,
    properties: {
      hw_disk_bus: 'virtio',
      os_distro: 'debian',
      image_type: 'snapshot',
      instance_uuid: instanceId,
      base_image_ref: base.id,
      disks_not_contained: 'disk.local,disk.swap',
    },
  });
  expect(image.properties).not.toHaveProperty('backup_type');
});

test('the image is queued before anything is done, and saving while its bytes are written', async () => {
  const instanceId = await instanceThat('stopInstance');
  const imageId = randomUUID();
  const states = async () => [(await imageOf(imageId)).status, (await recordOf(instanceId)).taskState].join(' ');
  const seen: string[] = [];
  fleet.at('lookForSnapshotRoom', async (point) => {
    if (point === 'before') seen.push((await imageOf(imageId)).status);
  });
  // Each step goes on once both records tell of it.
  const told = { extractSnapshot: 'saving image_pending_upload', uploadSnapshot: 'saving image_uploading' } as const;
  for (const step of ['extractSnapshot', 'uploadSnapshot'] as const) {
    fleet.at(step, async (point) => {
      if (point === 'before') seen.push(await eventually(async () => ((await states()) === told[step] ? told[step] : null)));
    });
  }
  await (await snapshot(instanceId, { imageId })).result();
  expect(seen).toEqual(['queued', ...Object.values(told)]);
});

test('a running guest goes on before its image is compressed or stored', async () => {
  const instanceId = await instanceThat();
  const seen: unknown[] = [];
  for (const step of ['extractSnapshot', 'compressSnapshot', 'uploadSnapshot'] as const) {
    fleet.at(step, async () => {
      seen.push([step, guestOf(instanceId), (await recordOf(instanceId)).powerState]);
    });
  }
  await (await snapshot(instanceId, { format: 'qcow2', compress: true })).result();
  expect(seen.filter((_, index) => index % 2 === 0)).toEqual([
    ['extractSnapshot', 'saved', expect.any(String)],
    ['compressSnapshot', 'running', 'shutdown'],
    ['uploadSnapshot', 'running', expect.any(String)], // which it tells
  ]);
});

test('a guest that ended by itself before it could be saved is made an image of, and recorded as stopped', async () => {
  const instanceId = await instanceThat();
  fleet.at('saveGuest', async (point) => {
    if (point === 'before') host().guests.set(instanceId, 'defined');
  });
  expect(await (await snapshot(instanceId)).result()).toMatchObject({ status: 'active' });
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
});

test('the clock of a guest that was saved is set where it has an agent', async () => {
  const stepsOf = async (instanceId: string) => {
    await (await snapshot(instanceId)).result();
    return (await recordOf(instanceId)).recent.at(-1)?.steps.map(({ name }) => name);
  };
  const [without, withOne] = await Promise.all([instanceThat(), instanceThat()]);
  host().agentless.add(without);
  expect(await stepsOf(without)).not.toContain('setGuestClock');
  expect(await stepsOf(withOne)).toContain('setGuestClock');
});

/** Where a snapshot fails: what a step did, or did not do, is undone. */
const failures: readonly [step: HostStep, when: 'before' | 'after'][] = [
  ['lookForSnapshotRoom', 'before'],
  ['saveGuest', 'before'],
  ['saveGuest', 'after'],
  ['extractSnapshot', 'after'],
  ['wakeGuest', 'before'],
  ['wakeGuest', 'after'],
  ['uploadSnapshot', 'after'],
];

test('a snapshot that fails at any step leaves the guest running, no file, and the image’s record closed as killed', async () => {
  const instanceId = await instanceThat();
  for (const [step, when] of failures) {
    let isOver = false;
    fleet.at(step, (point) => {
      if (isOver || point !== when) return Promise.resolve();
      isOver = true; // an undo takes the same step
      return burns();
    });
    const imageId = randomUUID();
    const end = await endOf(await snapshot(instanceId, { imageId }));
    expect([step, when, end]).toEqual([step, when, expect.objectContaining({ type: 'OperationFailed' })]);
    await expectAsBefore(instanceId, imageId);
  }
});

const steps: readonly HostStep[] = ['lookForSnapshotRoom', 'lookForRoom', 'saveGuest', 'extractSnapshot', 'wakeGuest', 'uploadSnapshot'];

test('a snapshot that is cancelled at any step leaves the guest running, no file, and the image’s record closed as killed', async () => {
  const trials = await Promise.all(steps.map(async (step) => ({ step, instanceId: await instanceThat() })));
  await Promise.all(
    trials.map(async ({ step, instanceId }) => {
      const reached = Promise.withResolvers<void>();
      fleet.at(step, async (point, info) => {
        if (point === 'after' || info.instanceId !== instanceId) return;
        reached.resolve();
        await Context.current().cancelled;
      });
      const imageId = randomUUID();
      const run = await snapshot(instanceId, { imageId });
      await reached.promise;
      fleet.at(step, async () => {}); // an undo takes the same step
      await run.cancel();
      expect([step, await endOf(run)]).toEqual([step, expect.objectContaining({ type: 'Canceled' })]);
      await expectAsBefore(instanceId, imageId);
    }),
  );
});

test('a cancel that comes as the image was stored and nobody knows is heard', async () => {
  const instanceId = await instanceThat('stopInstance');
  const imageId = randomUUID();
  const stored = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  fleet.at('uploadSnapshot', async (point) => {
    if (point === 'before') return;
    stored.resolve();
    await released.promise;
  });
  const run = await snapshot(instanceId, { imageId });
  await stored.promise;
  await run.cancel();
  released.resolve();
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect(host().images.has(imageId)).toBe(false);
  await expectClosedAsKilled(imageId);
});

async function expectAsBefore(instanceId: string, imageId: string): Promise<void> {
  expect(await recordOf(instanceId)).toMatchObject({ vmState: 'active', powerState: 'running', taskState: null, operation: null });
  expect([guestOf(instanceId), host().snapshots.has(imageId), host().images.has(imageId)]).toEqual(['running', false, false]);
  expect(host().copies.has(instanceId)).toBe(false);
  await expectClosedAsKilled(imageId);
}

/** A record that is over ends its run, with what it was last. */
async function expectClosedAsKilled(imageId: string): Promise<void> {
  expect(await fleet.client.workflow.getHandle(`image/${imageId}`).result()).toMatchObject({ status: 'killed' });
}

/** The steps of the last operation with what each decided. */
const notesOf = async (instanceId: string) =>
  (await recordOf(instanceId)).recent.at(-1)?.steps.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));

test('a guest that runs is copied while it runs, and the record keeps that it was', async () => {
  const instanceId = await instanceThat();
  const seen: unknown[] = [];
  for (const step of ['copyLive', 'extractSnapshot', 'uploadSnapshot'] as const) {
    fleet.at(step, async () => {
      seen.push(guestOf(instanceId), (await recordOf(instanceId)).powerState);
    });
  }
  const image = (await (await snapshot(instanceId, { mode: 'auto' })).result()) as Image;
  expect(new Set(seen)).toEqual(new Set(['running']));
  expect(image).toMatchObject({ status: 'active' });
  expect(walked(await recordOf(instanceId))).toEqual(walkOfNova);
  expect(await notesOf(instanceId)).toEqual(['chooseSnapshotMode: live']);
  expect([host().copies.has(instanceId), host().snapshots.has(image.id)]).toEqual([false, false]);
});

test('a guest that cannot be copied while it runs is saved, and the record keeps why', async () => {
  const paused = await instanceThat('pauseInstance');
  const stopped = await instanceThat('stopInstance');
  const [run] = [await snapshot(paused, { mode: 'auto' }), await (await snapshot(stopped, { mode: 'auto' })).result()];
  await run.result();
  expect(await notesOf(paused)).toEqual(['chooseSnapshotMode: cold: the guest is paused, not running']);
  expect(await notesOf(stopped)).toEqual(['chooseSnapshotMode: cold: the guest is shutdown, not running']);
  expect((await run.query<OperationView>('operation')).steps.flatMap(({ note = [] }) => note)).toEqual([
    'cold: the guest is paused, not running',
  ]);
});

test('the snapshot of a guest that ends while it is copied is taken of what it left, unless only a live one will do', async () => {
  const [any, live] = [await instanceThat(), await instanceThat()];
  fleet.at('copyLive', async (point, { instanceId }) => {
    if (point === 'before' && instanceId !== null) host().guests.set(instanceId, 'defined');
  });
  const imageId = randomUUID();
  expect(await (await snapshot(any, { mode: 'auto' })).result()).toMatchObject({ status: 'active' });
  expect(await notesOf(any)).toEqual(['chooseSnapshotMode: live', 'copyLive: the guest ended: cold']);
  expect(await endOf(await snapshot(live, { mode: 'live', imageId }))).toMatchObject({ type: 'OperationFailed' });
  expect((await imageOf(imageId)).status).toBe('killed');
  for (const instanceId of [any, live]) expect(await recordOf(instanceId)).toMatchObject({ vmState: 'stopped', powerState: 'shutdown' });
});

const liveSteps = ['chooseSnapshotMode', 'copyLive', 'extractSnapshot', 'uploadSnapshot'] as const;

test('a live snapshot that fails at any step leaves the guest running, no copy of its disk, and no image', async () => {
  const instanceId = await instanceThat();
  for (const step of liveSteps) {
    fleet.at(step, (point) => (point === 'after' ? burns() : Promise.resolve()));
    const imageId = randomUUID();
    const end = await endOf(await snapshot(instanceId, { mode: 'auto', imageId }));
    expect([step, end]).toEqual([step, expect.objectContaining({ type: 'OperationFailed' })]);
    await expectAsBefore(instanceId, imageId);
    fleet.leaveAlone();
  }
});

test('a live snapshot that is cancelled at any step leaves the guest running, no copy of its disk, and no image', async () => {
  const instanceId = await instanceThat();
  for (const step of liveSteps) {
    const { reached } = fleet.holdAt(step);
    const imageId = randomUUID();
    const run = await snapshot(instanceId, { mode: 'live', imageId });
    await reached;
    await run.cancel();
    expect([step, await endOf(run)]).toEqual([step, expect.objectContaining({ type: 'Canceled' })]);
    await expectAsBefore(instanceId, imageId);
    fleet.leaveAlone();
  }
});

test('a host without room refuses with the guest running', async () => {
  const instanceId = await instanceThat();
  host().isFull = true;
  const imageId = randomUUID();
  const end = await endOf(await snapshot(instanceId, { imageId }));
  expect(end).toMatchObject({ type: 'DiskSpaceLow', message: expect.stringContaining('MiB free') });
  await expectAsBefore(instanceId, imageId);
});

test('a reset goes over the same states again, and there is one image', async () => {
  const instanceId = await instanceThat('stopInstance');
  const { reached, release } = fleet.holdAt('uploadSnapshot');
  const run = await snapshot(instanceId);
  await reached;
  const again = await resetTo('extractSnapshot', run, fleet);
  fleet.leaveAlone();
  release();
  const image = (await again.result()) as Image;
  expect(image).toMatchObject({ status: 'active' });
  expect([...host().images].filter((id) => id === image.id)).toHaveLength(1);
});

test('a second snapshot at the same time is refused, and leaves no image', async () => {
  const instanceId = await instanceThat();
  const { reached, release } = fleet.holdAt('extractSnapshot');
  const first = await snapshot(instanceId);
  await reached;
  const imageId = randomUUID();
  const second = await endOf(await snapshot(instanceId, { imageId }));
  fleet.leaveAlone();
  release();
  expect(second).toMatchObject({ type: 'InstanceBusy', message: expect.stringContaining('held by snapshotInstance') });
  await expect(imageOf(imageId)).rejects.toThrow();
  expect(await first.result()).toMatchObject({ status: 'active' });
});

test('an image that is being saved cannot be deleted', async () => {
  const instanceId = await instanceThat('stopInstance');
  const imageId = randomUUID();
  const { reached, release } = fleet.holdAt('uploadSnapshot');
  const run = await snapshot(instanceId, { imageId });
  await reached;
  const refused = await endOf(await fleet.start('deleteImage', { imageId }));
  fleet.leaveAlone();
  release();
  expect(refused).toMatchObject({ type: 'ImageInUse', message: expect.stringContaining('held by snapshotInstance') });
  expect(await run.result()).toMatchObject({ status: 'active' });
});

test('a delete of the instance cancels its snapshot, of which nothing is left', async () => {
  const instanceId = await instanceThat();
  const imageId = randomUUID();
  const { reached } = fleet.holdAt('extractSnapshot');
  const run = await snapshot(instanceId, { imageId });
  await reached;
  fleet.leaveAlone();
  expect(await fleet.run<Instance>('deleteInstance', { instanceId })).toMatchObject({ vmState: 'deleted' });
  expect(await endOf(run)).toMatchObject({ type: 'Canceled' });
  expect([host().snapshots.has(imageId), host().images.has(imageId)]).toEqual([false, false]);
  await expectClosedAsKilled(imageId);
});

test('a snapshot that is terminated leaves an image that says killed, and can be deleted', async () => {
  const instanceId = await instanceThat('stopInstance');
  const imageId = randomUUID();
  const { reached } = fleet.holdAt('uploadSnapshot');
  const run = await snapshot(instanceId, { imageId });
  await reached;
  await run.terminate();
  fleet.leaveAlone();
  await eventually(async () => ((await imageOf(imageId)).status === 'killed' ? true : null));
  expect(await fleet.run<Image>('deleteImage', { imageId })).toMatchObject({ status: 'killed' });
});

const refusals: readonly [what: string, more: object, type: string, message: string][] = [
  [
    'compressed raw image',
    { compress: true, format: 'raw' },
    'InvalidRequest',
    'compress must not be true: a raw image has no compressed form',
  ],
  ['the id of another image', {}, 'ImageExists', 'exists already'],
  [
    'a mode that its stopped guest rules out',
    { mode: 'live' },
    'InvalidRequest',
    'mode must not be live: the guest is shutdown, not running',
  ],
  ['more properties than an image may have', { properties: manyProperties() }, 'InvalidRequest', 'at most 64'],
];

test.for(refusals)('a snapshot with %s is refused with nothing touched', async ([what, more, type, message]) => {
  const before = await recordOf(untouched);
  const imageId = what === 'the id of another image' ? base.id : randomUUID();
  expect(await endOf(await snapshot(untouched, { imageId, ...more }))).toMatchObject({ type, message: expect.stringContaining(message) });
  expect(await recordOf(untouched)).toEqual(before);
});

function manyProperties(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 62 }, (_, index) => [`key${index}`, 'value']));
}

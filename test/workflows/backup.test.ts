import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { findTemporal } from '../../scripts/dev-server/binary.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, resetTo, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;

beforeAll(async () => {
  fleet = await startFleet(['backup-1']);
  request = await furnish(fleet, 'backup');
});
afterAll(() => fleet[Symbol.asyncDispose]());

async function instance(): Promise<string> {
  return (await fleet.run<Instance>('buildInstance', request(`i-${randomUUID().slice(0, 8)}`))).id;
}

function backup(instanceId: string, backupType: string, rotation: number): Promise<Image> {
  return fleet.run<Image>('backupInstance', { instanceId, name: `${backupType} backup`, backupType, rotation });
}

async function statusOf(images: readonly Image[]): Promise<string[]> {
  return Promise.all(images.map(async ({ id }) => (await fleet.record<Image>(`image/${id}`)).status));
}

test('a backup is an image that says so, with the task states of Nova on the way', async () => {
  const instanceId = await instance();
  const image = await backup(instanceId, 'daily', 2);
  expect(image).toMatchObject({ status: 'active', properties: { image_type: 'backup', backup_type: 'daily', instance_uuid: instanceId } });
  const { taskHistory } = await fleet.record<Instance>(`instance/${instanceId}`);
  expect(taskHistory.map(({ taskState }) => taskState)).toEqual(['image_backup', 'image_pending_upload', 'image_uploading', null]);
});

test('of each instance and type the newest are kept, with a rotation of 0 none', async () => {
  const instanceId = await instance();
  const weekly = await backup(instanceId, 'weekly', 1);
  const other = await backup(await instance(), 'daily', 1);
  const daily: Image[] = [];
  for (let day = 1; day <= 3; day += 1) daily.push(await backup(instanceId, 'daily', 2));
  expect(await statusOf([...daily, weekly, other])).toEqual(['killed', 'active', 'active', 'active', 'active']);
  expect(await backup(instanceId, 'daily', 0)).toMatchObject({ status: 'killed' });
  expect(await statusOf([...daily, weekly, other])).toEqual(['killed', 'killed', 'killed', 'active', 'active']);
});

test('a backup that an instance stands on is kept, and goes when that is gone', async () => {
  const instanceId = await instance();
  const first = await backup(instanceId, 'daily', 1);
  const { id: user } = await fleet.run<Instance>('buildInstance', { ...request('user'), image: first.id });
  const second = await backup(instanceId, 'daily', 1);
  expect(await statusOf([first, second])).toEqual(['active', 'active']);
  await fleet.run('deleteInstance', { instanceId: user });
  const third = await backup(instanceId, 'daily', 1);
  expect(await statusOf([first, second, third])).toEqual(['killed', 'killed', 'active']);
});

test('a reset of a backup whose image is there already ends with the image as it is', async () => {
  const instanceId = await instance();
  await fleet.run('stopInstance', { instanceId });
  await backup(instanceId, 'daily', 1);
  const { reached, release } = fleet.holdAt('removeStoredImage');
  const run = await fleet.start('backupInstance', { instanceId, name: 'again', backupType: 'daily', rotation: 1 });
  await reached; // the new one is active, and the old one goes
  const again = await resetTo('extractSnapshot', run, fleet);
  expect(await endOf(again)).toMatchObject({ type: 'ResetRefused' });
  release();
  const images = [...(fleet.hosts.get('backup-1')?.images ?? [])];
  expect(images).toContain(run.firstExecutionRunId);
  expect((await fleet.record<Image>(`image/${run.firstExecutionRunId}`)).status).toBe('active');
});

test('a schedule of Temporal makes backups when it is time, or is told to, of which the newest are kept', async () => {
  const instanceId = await instance();
  const scheduleId = ['--schedule-id', `nightly/${instanceId}`];
  const when = ['--cron', '0 3 * * *', '--time-zone', 'Europe/Berlin'];
  const input = JSON.stringify({ instanceId, name: 'web1 nightly', backupType: 'nightly', rotation: 1 });
  const what = ['--type', 'backupInstance', '--task-queue', controlQueue, '--workflow-id', `backup/${instanceId}`, '--input', input];
  await schedule('create', ...scheduleId, ...when, ...what);
  for (const count of [1, 2]) {
    await schedule('trigger', ...scheduleId);
    await eventually(async () => ((await backupsMadeOf(instanceId)) === count ? true : null));
  }
  expect(await schedule('list')).toContain(`nightly/${instanceId}`);
  await schedule('delete', ...scheduleId);
  expect(await nightlies(instanceId)).toBe(1);
});

async function schedule(command: string, ...args: string[]): Promise<string> {
  const server = ['--address', inject('temporalAddress'), '--namespace', inject('temporalNamespace')];
  return (await execa(await findTemporal(), ['schedule', command, ...server, ...args])).stdout;
}

async function backupsMadeOf(instanceId: string): Promise<number> {
  const { recent } = await fleet.record<Instance>(`instance/${instanceId}`);
  return recent.filter(({ type, end }) => type === 'backupInstance' && end === 'completed').length;
}

async function nightlies(instanceId: string): Promise<number> {
  let count = 0;
  const query = `WorkflowType = 'image' AND ExecutionStatus = 'Running' AND Tags = 'backup ${instanceId} nightly'`;
  for await (const _ of fleet.client.workflow.list({ query })) count += 1;
  return count;
}

import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, runInHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import { dataConverterWith } from '../../src/client.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance, PowerState, VmState } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OperationName } from '../../src/schema/request.ts';
import { testKeyFile, testKeys } from '../codec/test-keys.ts';
import { asking } from '../lab/asking.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { secrets } from '../workflows/canaries.ts';
import { type Case, type FaultPoint, findings, hasPoint, points, startStopped, stepsOf, struck, whenIdle } from './matrix.ts';
import { endOfStruck, type Strike, strikes } from './strikes.ts';

/** What is done to a guest, and what may become of it. */
interface Row {
  readonly type: OperationName;
  readonly how?: object;
  /** A guest with a kernel and an agent, which goes down when it is asked. Else there is nothing to boot. */
  readonly hasAgent?: true;
  /** What is done to a guest that runs, so that the operation may begin. */
  readonly before: readonly OperationName[];
  /** Where a cancel is heard that comes at a step. */
  readonly hearsCancel: (step: string) => boolean;
  /** The step before the point of no return: a cancel is heard there if it reaches the step before that ends. */
  readonly lastToHear?: string;
  /** What the instance was before, and what the operation makes of it: in one of them it rests, whatever strikes. */
  readonly rests: readonly [VmState, VmState];
  /** The guest does what it was asked though the operation is cancelled: it may go down at any moment after that, and stays down. */
  readonly goesDownAnyhow?: true;
}

const untilFinished = (step: string) => step !== 'finish';
const before = (...steps: readonly string[]) => {
  return (step: string) => steps.includes(step);
};

const hard = { mode: 'hard' };

const softReboot: Row = {
  type: 'rebootInstance',
  how: { mode: 'soft' },
  before: [],
  hearsCancel: before('acceptReboot', 'shutDownGuest'),
  lastToHear: 'shutDownGuest',
  rests: ['active', 'active'],
};

/** What is struck together: a guest for each step of each. */
const groups: Readonly<Record<string, readonly Row[]>> = {
  'a reboot, a suspend or a resume': [
    {
      type: 'rebootInstance',
      how: { mode: 'hard' },
      before: ['pauseInstance'],
      hearsCancel: before('acceptReboot'),
      rests: ['paused', 'active'],
    },
    { type: 'suspendInstance', before: [], hearsCancel: untilFinished, lastToHear: 'saveGuest', rests: ['active', 'suspended'] },
    { type: 'resumeInstance', before: ['suspendInstance'], hearsCancel: before('acceptResume'), rests: ['suspended', 'active'] },
  ],
  'a start, a stop, a pause or an unpause': [
    { type: 'startInstance', before: ['stopInstance'], hearsCancel: untilFinished, rests: ['stopped', 'active'] },
    {
      type: 'stopInstance',
      before: [],
      hearsCancel: before('acceptStop', 'shutDownGuest'),
      lastToHear: 'shutDownGuest',
      rests: ['active', 'stopped'],
    },
    { type: 'pauseInstance', before: [], hearsCancel: untilFinished, rests: ['active', 'paused'] },
    { type: 'unpauseInstance', before: ['pauseInstance'], hearsCancel: untilFinished, rests: ['paused', 'active'] },
  ],
  'a soft delete, a restore or a crash dump': [
    { type: 'softDeleteInstance', before: [], hearsCancel: before('acceptSoftDelete'), rests: ['active', 'soft-delete'] },
    {
      type: 'restoreInstance',
      before: ['softDeleteInstance'],
      hearsCancel: before('acceptRestore', 'startPaused', 'runGuest'),
      lastToHear: 'runGuest',
      rests: ['soft-delete', 'active'],
    },
    { type: 'triggerCrashDump', before: [], hearsCancel: untilFinished, lastToHear: 'injectNmi', rests: ['active', 'active'] },
  ],
  'a soft reboot, of a guest that goes down or of one that does not, or a password': [
    { ...softReboot, hasAgent: true, goesDownAnyhow: true },
    softReboot,
    {
      type: 'setInstancePassword',
      how: { adminPassword: secrets.adminPassword },
      hasAgent: true,
      before: [],
      hearsCancel: before('acceptPassword', 'setGuestPassword'),
      lastToHear: 'setGuestPassword',
      rests: ['active', 'active'],
    },
  ],
};

const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const representative = ['the compute workers are killed with their children'];
const chosen = Object.entries(strikes).filter(([name]) => isLongRun || representative.includes(name));
const chosenGroups = Object.entries(groups).slice(0, isLongRun ? undefined : 1);

let own: OwnCloud;
let image: string;
let imageWithAgent: Promise<string> | null = null;
let keyFile: ReturnType<typeof testKeyFile>;
const { hostNamed } = asking(() => own);

/** A step of an operation, and the guest that it is struck with. */
interface Place {
  readonly row: Row;
  readonly step: string;
  readonly instanceId: string;
}

/** By group; guests are used again for every strike. */
const places = new Map<string, Promise<readonly Place[]>>();

beforeAll(async () => {
  keyFile = testKeyFile();
  const made = await ownCloud('power-faults', {
    NOVAFLOW_CODEC_KEY_FILE: keyFile.path,
    NOVAFLOW_HOST_CAPACITY_VCPUS: '100',
    // Every operation that is stopped keeps its slot.
    NOVAFLOW_SLOTS_QUICK: '100',
    NOVAFLOW_SLOTS_LONG: '20',
    NOVAFLOW_RECLAIM_INSTANCE_INTERVAL_SECONDS: '3600',
    // A blank guest does not shut down when it is asked.
    NOVAFLOW_SHUTDOWN_TIMEOUT_SECONDS: '1',
    // Long enough for one with a kernel.
    NOVAFLOW_SOFT_REBOOT_TIMEOUT_SECONDS: '20',
  });
  const { connection, options } = made.client;
  const dataConverter = dataConverterWith(async () => testKeys);
  own = { ...made, client: new Client({ connection, namespace: options.namespace, dataConverter }) };
  image = await blankImage(own);
}, 120_000);
afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  keyFile[Symbol.dispose]();
});

describe.each(chosen)('when %s', (_name, strike) => {
  describe.each(chosenGroups)('in the midst of %s', (group, rows) => {
    test.each(points)('%s the effect of each step, the guest is what its record says, and can be used', async (point) => {
      const made = places.get(group) ?? placesOf(rows);
      places.set(group, made);
      await eachStepStruck(await made, strike, point);
    });
  });
});

/** The steps are those of a clean run. */
async function placesOf(rows: readonly Row[]): Promise<readonly Place[]> {
  const each = rows.map(async (row): Promise<readonly Place[]> => {
    const instanceId = await built(row);
    await prepared(instanceId, row);
    const workflowId = await act(row.type, instanceId, row.how);
    const [first = '', ...others] = await stepsOf(own, { workflowId });
    await madeActive(instanceId);
    const more = others.map(async (step) => ({ row, step, instanceId: await built(row) }));
    return [{ row, step: first, instanceId }, ...(await Promise.all(more))];
  });
  return (await Promise.all(each)).flat();
}

async function eachStepStruck(places: readonly Place[], strike: Strike, point: FaultPoint): Promise<void> {
  const struckPlaces = places.filter(({ step }) => hasPoint(step, point));
  await Promise.all(struckPlaces.map(({ instanceId, row }) => prepared(instanceId, row)));
  const cases = await Promise.all(
    struckPlaces.map(async ({ row, step, instanceId }) => {
      const request = { instanceId, ...row.how };
      return { ...(await startStopped(own, row.type, { step, point, request })), row };
    }),
  );
  await struck(own, cases, strike.strike, (step, { row }) => endsAt(strike, row, step));
  await Promise.all(
    cases.map((one) => (mayGoDown(one, strike) ? act('rebootInstance', one.instanceId, hard) : requireAllowed(one, strike))),
  );
  await Promise.all(cases.map(({ instanceId }) => madeActive(instanceId)));
  expect(await findings(own)).toEqual([]);
}

/** What such a guest is nobody can say: that it can be used is the proof. */
function mayGoDown({ row, step }: Case & { readonly row: Row }, { outcome }: Strike): boolean {
  return outcome === 'is cancelled' && row.goesDownAnyhow === true && row.hearsCancel(step);
}

function endsAt(strike: Strike, { hearsCancel, lastToHear }: Row, step: string): string | readonly string[] {
  const isChance = strike.outcome === 'is cancelled' && step === lastToHear;
  return isChance ? ['Canceled', 'completed'] : endOfStruck(strike, hearsCancel)(step);
}

/** The record is in a state that the operation may leave, and says of the guest what its hypervisor says. */
async function requireAllowed({ instanceId, row, step, run }: Case & { readonly row: Row }, { outcome }: Strike): Promise<void> {
  const { vmState, powerState, host } = await idle(instanceId);
  const allowed: readonly VmState[] = outcome === 'is terminated' ? [...row.rests, 'error'] : row.rests;
  const seen = { of: run.workflowId, step, vmState };
  expect(seen).toEqual({ ...seen, vmState: expect.toBeOneOf([...allowed]) });
  // The record of one that was terminated is true once its guest is looked at again.
  if (outcome !== 'is terminated') expect({ ...seen, powerState }).toEqual({ ...seen, powerState: await powerOf(host, instanceId) });
}

/** What a host's libvirt says. */
async function powerOf(host: string | null, instanceId: string): Promise<PowerState> {
  const state = (await runInHost(hostNamed(`${host}`), ['virsh', 'domstate', instanceId])).trim();
  return powerStates.get(state) ?? 'nostate';
}

const powerStates: ReadonlyMap<string, PowerState> = new Map([
  ['running', 'running'],
  ['paused', 'paused'],
  ['shut off', 'shutdown'],
]);

async function prepared(instanceId: string, row: Row): Promise<void> {
  if (row.hasAgent === true) await whenAgentAnswers(instanceId);
  for (const type of row.before) await act(type, instanceId);
}

/** A guest that runs again, whatever was done to it: the proof that it can be used. */
async function madeActive(instanceId: string): Promise<void> {
  const { vmState } = await idle(instanceId);
  if (vmState === 'soft-delete') await act('restoreInstance', instanceId);
  else if (vmState !== 'active') await act('rebootInstance', instanceId, hard);
  expect(await idle(instanceId)).toMatchObject({ vmState: 'active', powerState: 'running', host: expect.any(String) });
}

async function idle(instanceId: string): Promise<Instance> {
  const instance = await whenIdle<Instance>(own, `instance/${instanceId}`, ({ operation }) => operation === null);
  if (instance === null) throw new Error(`there is no instance ${instanceId}`);
  return instance;
}

/** Does it; returns the id of the operation. */
async function act(type: OperationName, instanceId: string, how: object = {}): Promise<string> {
  const workflowId = `${type}-${randomUUID()}`;
  await own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [{ instanceId, ...how }] });
  return workflowId;
}

async function built({ hasAgent }: Row): Promise<string> {
  const instanceId = randomUUID();
  const small = { image, flavor: { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 } };
  const what = hasAgent === true ? { image: await withAgent(), flavor: 'lab.tiny' } : small;
  await act('buildInstance', instanceId, { name: `vm-${instanceId.slice(0, 8)}`, ...what });
  return instanceId;
}

/** The image of a guest with a kernel and an agent, imported when the first needs it. */
function withAgent(): Promise<string> {
  imageWithAgent ??= importedWithAgent();
  return imageWithAgent;
}

async function importedWithAgent(): Promise<string> {
  const { kernelId, ramdiskId, properties } = await importGuest(own.cloud, await buildGuest({}));
  const withChannel = { ...properties, hw_qemu_guest_agent: 'yes' };
  const request = { name: 'agent', source: 'file:tiny-root', diskFormat: 'raw', kernelId, ramdiskId, properties: withChannel };
  const started = { taskQueue: controlQueue, workflowId: 'import-agent', args: [request] };
  return ((await own.client.workflow.execute('importImage', started)) as Image).id;
}

async function whenAgentAnswers(instanceId: string): Promise<void> {
  const { host: name } = await idle(instanceId);
  const host = hostNamed(`${name}`);
  const ask = ['virsh', 'qemu-agent-command', instanceId, '{"execute":"guest-ping"}', '--timeout', '1'];
  const look = async () =>
    runInHost(host, ask).then(
      () => true as const,
      () => null,
    ); // it fails until the guest is up
  await until(look, { what: `the agent of ${instanceId}`, timeoutMs: 120_000, intervalMs: 500 });
}

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killLibvirtd, processesOf, signalProcess, startLibvirtd, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { blankImage } from '../lab/blank-image.ts';
import { type OwnCloud, ownCloud } from '../lab/cloud-fixture.ts';
import { endOf } from '../workflows/ends.ts';
import { type Case, type FaultPoint, findings, letGo, type Operation, startStopped, stepsOf, whenHit } from './matrix.ts';

/** What happens while every operation of a matrix is stopped, each at a step of its own. */
interface Fault {
  readonly strike: (own: OwnCloud, cases: readonly Case[]) => Promise<void>;
  /** How an operation ends that was struck at a step. */
  readonly end: (type: Operation, step: string) => 'completed' | 'Canceled' | 'Terminated';
}

const goesOn = () => 'completed' as const;

const faults: Readonly<Record<string, Fault>> = {
  'the compute workers are killed': { end: goesOn, strike: (own) => killComputeWorkers(own, { withChildren: false }) },
  'the compute workers are killed with their children': { end: goesOn, strike: (own) => killComputeWorkers(own, { withChildren: true }) },
  'the control worker is killed': {
    end: goesOn,
    strike: async (own) => {
      signalProcess(own.workers.control, 'SIGKILL');
      await whenEnded(own.workers.control);
      await own.startControl();
    },
  },
  'Temporal is killed and restarted': {
    end: goesOn,
    strike: async (own) => {
      await own.killServer();
      await own.startServer();
    },
  },
  'libvirtd is killed and restarted': {
    end: goesOn,
    strike: async (own) => {
      const { cloud } = own;
      await Promise.all(cloud.lab.hosts.map((host) => killLibvirtd(host)));
      await Promise.all(cloud.lab.hosts.map((host) => startLibvirtd(host)));
      // A build that looks for a host while all are down finds none, rightly.
      for (const { name } of cloud.lab.hosts) await whenUpAgain(own, name);
    },
  },
  // A build is cancelled until its record is written, a delete until its first step on a host.
  'they are cancelled': {
    end: (type, step) => ((type === 'buildInstance' ? step !== 'finish' : step === 'acceptDelete') ? 'Canceled' : 'completed'),
    strike: async (_own, cases) => {
      await Promise.all(cases.map(({ run }) => run.cancel()));
    },
  },
  'they are terminated': {
    end: () => 'Terminated',
    strike: async (_own, cases) => {
      await Promise.all(cases.map(({ run }) => run.terminate('by the test')));
    },
  },
};

/** Every step that is stopped after its effect, before its completion is known: the hardest case. The others in the long run. */
const points: readonly FaultPoint[] = process.env['NOVAFLOW_TEST_ALL'] === '1' ? ['after', 'during', 'before'] : ['after'];

let own: OwnCloud;
let image: string;
const steps = new Map<Operation, readonly string[]>();

beforeAll(async () => {
  own = await ownCloud('faults', { NOVAFLOW_HOST_CAPACITY_VCPUS: '100' });
  image = await blankImage(own);
  const instanceId = randomUUID();
  for (const [type, request] of [
    ['buildInstance', build(instanceId)],
    ['deleteInstance', { instanceId }],
  ] as const) {
    const workflowId = `clean-${type}`;
    await own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId, args: [request] });
    steps.set(type, await stepsOf(own, { workflowId }));
  }
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

describe.each(Object.entries(faults))('when %s', (_name, { strike, end }) => {
  test.each(points)('%s the effect of each step of a build, it ends as it should and leaves nothing', async (point) => {
    const cases = await Promise.all(
      (steps.get('buildInstance') ?? []).map(async (step) =>
        startStopped(own, 'buildInstance', { step, point, request: await buildThrough(step) }),
      ),
    );
    await struck(cases, strike, (step) => end('buildInstance', step));
  });

  test.each(points)('%s the effect of each step of a delete, it ends as it should and leaves nothing', async (point) => {
    const cases = await Promise.all(
      (steps.get('deleteInstance') ?? []).map(async (step) => {
        const instanceId = randomUUID();
        await own.client.workflow.execute('buildInstance', {
          taskQueue: controlQueue,
          workflowId: `build-${instanceId}`,
          args: [build(instanceId)],
        });
        return startStopped(own, 'deleteInstance', { step, point, request: { instanceId } });
      }),
    );
    await struck(cases, strike, (step) => end('deleteInstance', step));
  });
});

async function struck(cases: readonly Case[], strike: Fault['strike'], endAt: (step: string) => string): Promise<void> {
  const stopped = cases.filter(({ step, point }) => hasPoint(step, point));
  await Promise.all(stopped.map((one) => whenHit(own, one)));
  await strike(own, cases);
  await Promise.all(cases.map((one) => letGo(own, one)));
  const ends = await Promise.all(cases.map(async ({ step, run }) => [step, (await endOf(run))?.type ?? 'completed']));
  expect(ends).toEqual(cases.map(({ step }) => [step, endAt(step)]));
  await Promise.all(cases.map(({ instanceId }) => removed(instanceId)));
  expect(await findings(own)).toEqual([]);
}

/** Only steps that take the instance's lock have something during them. */
function hasPoint(step: string, point: FaultPoint): boolean {
  const locked = ['createDisks', 'defineDomain', 'startPaused', 'runGuest', 'removeInstance'];
  return point !== 'during' || locked.includes(step);
}

/** Whatever the operation left, a delete takes away: an active instance, one in error after a terminate, or none. */
async function removed(instanceId: string): Promise<void> {
  const record = own.client.workflow.getHandle(`instance/${instanceId}`);
  const idle = await until(
    async () => {
      const instance = await record.query<Instance | null>('record').catch(() => undefined);
      if (instance === undefined) return null; // a record is away for a moment when its server or worker is
      return instance === null || instance.operation === null ? { instance } : null;
    },
    { what: `${instanceId} to be free`, timeoutMs: 60_000, intervalMs: 50 },
  );
  if (idle.instance === null || idle.instance.vmState === 'deleted') return;
  await own.client.workflow.execute('deleteInstance', {
    taskQueue: controlQueue,
    workflowId: `removed-${instanceId}`,
    args: [{ instanceId }],
  });
}

/** An image is fetched by its first build on a host only. */
async function buildThrough(step: string) {
  const request = build(randomUUID());
  return step === 'fetchBases' ? { ...request, image: await blankImage(own) } : request;
}

function build(instanceId: string) {
  return { name: `vm-${instanceId.slice(0, 8)}`, instanceId, image, flavor: { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 } };
}

function whenUpAgain({ client }: OwnCloud, host: string): Promise<Host> {
  const look = async () => {
    const record = await client.workflow.getHandle(`host/${host}`).query<Host>('record');
    return record.state === 'up' ? record : null;
  };
  return until(look, { what: `host ${host}`, timeoutMs: 60_000, intervalMs: 50 });
}

async function killComputeWorkers({ cloud, workers, startCompute }: OwnCloud, { withChildren }: { withChildren: boolean }): Promise<void> {
  for (const host of cloud.lab.hosts) {
    const worker = workers.compute.get(host.name);
    if (worker === undefined) throw new Error(`no worker on ${host.name}`);
    const children = withChildren ? (await processesOf(host)).filter(({ command }) => /qemu-img|genisoimage|flock/.test(command)) : [];
    for (const process of [worker, ...children]) signalProcess(process, 'SIGKILL');
    await whenEnded(worker);
    await startCompute(host.name);
  }
}

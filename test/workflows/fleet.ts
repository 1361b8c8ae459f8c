import { randomUUID } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { Client, type WorkflowHandle, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import { payDebts } from '../../src/activities/debts.ts';
import type { HostLongActivities, QuickActivities } from '../../src/activities/host.ts';
import type { HostListingActivities } from '../../src/activities/host-listing.ts';
import { stepInterceptors } from '../../src/activities/interceptor.ts';
import type { MeasureActivities } from '../../src/activities/measure.ts';
import { startAndUpdate } from '../../src/activities/record-client.ts';
import { dataConverterWith } from '../../src/client.ts';
import type { Flags } from '../../src/config/sources.ts';
import { loadConfig } from '../../src/config.ts';
import { controlWorkers } from '../../src/control-worker.ts';
import { installLog, openLog } from '../../src/logging.ts';
import { cpuSetsOf } from '../../src/model/cpus/placement.ts';
import { withTargets } from '../../src/model/hardware/disk-places.ts';
import type { Host, Inventory } from '../../src/model/host.ts';
import type { OwedRemoval } from '../../src/model/host-record.ts';
import type { Image } from '../../src/model/image.ts';
import type { Disk, Instance } from '../../src/model/instance.ts';
import type { LocalDisks } from '../../src/model/local-disks.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { controlQueue, longQueueOf, quickQueueOf } from '../../src/model/queues.ts';
import type { Secrets } from '../../src/model/secrets.ts';
import { emptyListing } from '../../src/model/verify/compare.ts';
import { wantedDisks } from '../../src/model/wanted-disks.ts';
import { testKeyFile, testKeys } from '../codec/test-keys.ts';
import { type FakeDevices, fakeDevice, fakeDeviceSteps, leftDevices } from './fake-devices.ts';
import { fakeGuestSteps, powerOf } from './fake-guest.ts';
import { type FakeCopies, fakeLiveSteps } from './fake-live.ts';
import { type FakeMigrations, fakeMigrationSteps } from './fake-migration.ts';
import { type FakeMoves, fakeResizeSteps } from './fake-resize.ts';
import { type FakeTransfers, fakeTransferSteps } from './fake-transfer.ts';

/** What is on a fake host: by instance, whether its disks and its domain are there. */
export interface FakeHost extends FakeDevices, FakeMoves, FakeTransfers, FakeMigrations, Pick<FakeCopies, 'copies'> {
  readonly bases: Set<string>;
  /** The one store that all hosts reach. */
  readonly images: Set<string>;
  /** What was extracted of instances' disks, by the id of the image that it is to become. */
  readonly snapshots: Set<string>;
  /** What the config drives of instances would hold. */
  readonly drives: Map<string, Secrets>;
  /** Whether its disks take longer to make than a quick step may. */
  copiesLong: boolean;
}

type HostSteps = Omit<QuickActivities, 'attend'> & HostLongActivities & HostListingActivities & MeasureActivities;
export type HostStep = keyof HostSteps;

/** What a test does at a step of a host: before its effect or after it. Throw to fail it, wait to hold it. */
export type Interference = (point: 'before' | 'after', info: { host: string; instanceId: string | null }) => Promise<void>;

export type Run = WorkflowHandleWithFirstExecutionRunId;

/** An operation that is held at a step. */
export interface Hold {
  readonly reached: Promise<{ host: string; instanceId: string | null }>;
  readonly release: () => void;
}

export interface Fleet extends AsyncDisposable {
  readonly client: Client;
  readonly hosts: ReadonlyMap<string, FakeHost>;
  /** What happens at a step from now on. */
  readonly at: (step: HostStep, what: Interference) => void;
  /** Nothing happens at any step from now on. */
  readonly leaveAlone: () => void;
  /** Holds the next operation that comes to the step before its effect; it goes on when released, and ends with its cancel. */
  readonly holdAt: (step: HostStep) => Hold;
  /** Puts another control worker in the place of the one that runs, once that has ended what it does. */
  readonly restartControl: () => Promise<void>;
  readonly start: (type: string, request: unknown, workflowId?: string) => Promise<Run>;
  readonly run: <Result>(type: string, request: unknown) => Promise<Result>;
  readonly record: <Record>(workflowId: string) => Promise<Record>;
  /** Takes a host away with its worker; what it has stays, as on a host that is cut off. Resolves when its record says that it is down. */
  readonly lose: (host: string) => Promise<void>;
  /** Starts the worker of a lost host again, which reports and does what the host owes before it takes any work. */
  readonly bringBack: (host: string) => Promise<void>;
}

/** A Temporal server that is up, with our namespace. */
export interface ServerAddress {
  readonly address: string;
  readonly namespace: string;
}

interface FleetOptions {
  readonly settings?: Flags;
  /** False: control workers are the test's. */
  readonly hasControl?: boolean;
}

const inventory: Inventory = {
  vcpus: 200,
  memoryMiB: 200 * 1024,
  diskGiB: 1000,
  architecture: 'x86_64',
  cpuModel: 'fake',
  cpuFeatures: [],
  hypervisor: 'qemu',
  hypervisorVersion: '7.2.0',
  libvirtVersion: '9.0.0',
  numa: [],
  pciDevices: [],
};

/**
 * A control worker on the run's Temporal server, and compute hosts that are plain objects: everything of ours but the
 * hypervisor, with these settings. Names are unique to the fleet, so that test files share a server.
 */
export async function startFleet(
  hostNames: readonly string[],
  capacity: Partial<Inventory> = {},
  { address, namespace }: ServerAddress = { address: inject('temporalAddress'), namespace: inject('temporalNamespace') },
  { settings = {}, hasControl = true }: FleetOptions = {},
): Promise<Fleet> {
  installLog(openLog({ log: { level: 'fatal', pretty: 'never' } }));
  const connection = await NativeConnection.connect({ address });
  const dataConverter = dataConverterWith(async () => testKeys);
  const client = new Client({ connection, namespace, dataConverter });
  const offered: Inventory = { ...inventory, ...capacity };
  const stopping = new AbortController();
  const interference = new Map<HostStep, Interference>();
  const images = new Set<string>();
  const hosts = new Map(hostNames.map((name) => [name, emptyHost(images)]));
  const keyFile = testKeyFile(); // there as long as a control worker may start
  const config = loadConfig({ env: {}, flags: { 'log.level': 'error', drainSeconds: 0, 'codec.keyFile': keyFile.path, ...settings } });

  const startControl = async () =>
    running(hasControl ? await controlWorkers(config, { connection, namespace, stopping: stopping.signal }) : []);
  let control = await startControl();
  const compute = new Map<string, ComputeHost>();
  for (const name of hostNames) await bringBack(name);

  return {
    client,
    hosts,
    at: (step, what) => {
      interference.set(step, what);
    },
    leaveAlone: () => interference.clear(),
    holdAt: (step) => holdAt(step),
    restartControl: async () => {
      await control.stop();
      control = await startControl();
    },
    start,
    run: async (type, request) => (await start(type, request)).result(),
    record: recordOf,
    lose,
    bringBack,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      // Another fleet on this server must not take these hosts for living ones.
      await Promise.all([...compute.keys()].map(lose));
      await control.stop();
      keyFile[Symbol.dispose]();
      await connection.close();
    },
  };

  function start(type: string, request: unknown, workflowId = `${type}/${randomUUID()}`): Promise<Run> {
    return client.workflow.start(type, { taskQueue: controlQueue, workflowId, args: request === undefined ? [] : [request] });
  }

  function recordOf<Record>(workflowId: string): Promise<Record> {
    return client.workflow.getHandle(workflowId).query<Record>('record');
  }

  async function lose(name: string): Promise<void> {
    const host = compute.get(name);
    if (host === undefined) throw new Error(`host ${name} is lost already`);
    compute.delete(name);
    host.leaving.abort();
    await host.workers.stop();
    await eventually(async () => ((await recordOf<Host>(`host/${name}`)).state === 'down' ? true : null));
  }

  async function bringBack(name: string): Promise<void> {
    const host = hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    const leaving = new AbortController();
    const attended = Promise.withResolvers<void>();
    const attend = () => {
      attended.resolve();
      return until(leaving.signal);
    };
    const workers = await Promise.all(hostWorkers(name, host, attend));
    await report(name);
    const { removeInstance, leaveHost } = fakeSteps(name, host, hosts, offered);
    const leave = ({ migration, ...removal }: OwedRemoval) => leaveHost({ ...removal, migrationId: migration?.id ?? null });
    await payDebts(client, name, async (removal) => (removal.migration === undefined ? removeInstance(removal) : leave(removal)));
    compute.set(name, { leaving, workers: running(workers) });
    await attended.promise; // one that is lost before it is attended is missed by nobody
  }

  async function report(name: string): Promise<void> {
    await startAndUpdate<Host>(client, 'host', name, 'report', {
      session: 'fake',
      isAttending: true,
      report: {
        address: name,
        availabilityZone: null,
        inventory: offered,
        reserved: { vcpus: 0, memoryMiB: 0, diskGiB: 0 },
        ratios: { vcpus: 1, memory: 1, disk: 1 },
        unusable: null,
      },
    });
  }

  function hostWorkers(name: string, host: FakeHost, attend: () => Promise<string>): Promise<Worker>[] {
    const steps = fakeSteps(name, host, hosts, offered);
    const interfered = Object.fromEntries(
      Object.entries(steps).map(([step, work]) => [step, interfere(name, step as HostStep, work as Work)]),
    );
    const common = {
      connection,
      namespace,
      dataConverter,
      maxHeartbeatThrottleInterval: '1s',
      interceptors: { activity: [() => stepInterceptors({ heartbeats: true, faults: null, notify: null })] },
    } as const;
    const options = { ...common, interceptors: { activity: [...common.interceptors.activity] }, activities: { ...interfered, attend } };
    return [Worker.create({ ...options, taskQueue: quickQueueOf(name) }), Worker.create({ ...options, taskQueue: longQueueOf(name) })];
  }

  function holdAt(step: HostStep): Hold {
    const reached = Promise.withResolvers<{ host: string; instanceId: string | null }>();
    const released = Promise.withResolvers<void>();
    interference.set(step, async (point, info) => {
      if (point === 'after') return;
      reached.resolve(info);
      await Promise.race([released.promise, Context.current().cancelled]);
    });
    return { reached: reached.promise, release: released.resolve };
  }

  function interfere(host: string, step: HostStep, work: Work): Work {
    return async (input) => {
      const info = { host, instanceId: input?.instanceId ?? input?.instance?.id ?? null };
      await interference.get(step)?.('before', info);
      const result = await work(input);
      await interference.get(step)?.('after', info);
      return result;
    };
  }
}

function emptyHost(images: Set<string>): FakeHost {
  const [disks, stubborn, interrupted, bases] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
  return {
    ...{
      disks,
      guests: new Map(),
      stubborn,
      interrupted,
      isFull: false,
      receiving: new Set<string>(),
      keys: new Set<string>(),
      sendsMuch: false,
      probes: new Set<string>(),
      bases,
      images,
      snapshots: new Set(),
      drives: new Map(),
      devices: new Map(),
    },
    ...{ silent: new Set<string>(), agentless: new Set<string>(), passwords: new Map() },
    ...{
      copiesLong: false,
      isolates: false,
      areDevicesDirty: false,
      copies: new Map(),
      asides: new Map(),
      asideNames: ['disk', 'disk.config'],
      refusesArrivals: null,
    },
    ...{ pins: new Map(), migrations: new Map(), migrationsGo: 'through', carriesDrives: false },
  };
}

/** Resolves when it is time to go. */
function until(leaving: AbortSignal): Promise<string> {
  return new Promise((ended) => leaving.addEventListener('abort', () => ended('stopped'), { once: true }));
}

interface ComputeHost {
  readonly leaving: AbortController;
  readonly workers: { readonly stop: () => Promise<void> };
}

function running(workers: readonly Worker[]): { stop: () => Promise<void> } {
  const runs = workers.map((worker) => worker.run());
  return {
    stop: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
    },
  };
}

type Work = (input: { instanceId?: string; instance?: Instance } | undefined) => Promise<unknown>;

function fakeSteps(
  name: string,
  host: FakeHost,
  hosts: ReadonlyMap<string, FakeHost>,
  { vcpus, memoryMiB, diskGiB, guestCpus }: Inventory,
): HostSteps {
  const disksOn = (instance: Instance, localDisks: LocalDisks | undefined) =>
    fakeDisks(instance, localDisks).map((disk) => (host.isolates && disk.name === 'disk' ? onDevice(disk) : disk));
  const onDevice = (disk: Disk): Disk => ({ ...disk, kind: 'isolate', device: fakeDevice(name) });
  return {
    ...fakeGuestSteps(host),
    ...fakeTransferSteps(host),
    ...fakeDeviceSteps(name, host),
    ...fakeResizeSteps(name, host),
    ...fakeLiveSteps(host),
    ...fakeMigrationSteps(name, host, hosts),
    listHost: async () => ({
      ...emptyListing,
      domains: [...host.guests].map(([instanceId, guest]) => ({
        instanceId,
        powerState: powerOf[guest],
        blockJobs: [],
        pins: cpuSetsOf({ pinned: host.pins.get(instanceId) ?? null, shared: guestCpus?.shared ?? [] }).perVcpu,
      })),
      instances: { ...emptyListing.instances, perInstance: [...host.disks].map((instanceId) => ({ instanceId, files: ['disk'] })) },
    }),
    measureHost: async () => ({
      inventory: { vcpus, memoryMiB, diskGiB },
      fileSystems: [{ directory: '/', sizeBytes: diskGiB * 1024 ** 3, freeBytes: diskGiB * 1024 ** 3 }],
      files: [],
    }),
    fetchBases: async ({ images }) => {
      for (const { id } of images) host.bases.add(id);
    },
    findMissingBases: async ({ images }) => ({ missing: images.filter(({ id }) => !host.bases.has(id)) }),
    createDisks: async ({ instance, image, localDisks, secrets = {} }) => {
      if (!host.bases.has(image.root.id)) return { disks: [], missing: [image.root], takesLong: false, warnings: [] };
      if (host.isolates) host.devices.set(instance.id, 'taken');
      if (!host.copiesLong) host.disks.add(instance.id);
      host.drives.set(instance.id, secrets);
      return { disks: disksOn(instance, localDisks), missing: [], takesLong: host.copiesLong, warnings: [] };
    },
    writeDisks: async ({ instance, localDisks }) => {
      host.disks.add(instance.id);
      return { disks: disksOn(instance, localDisks), missing: [], takesLong: false, warnings: [] };
    },
    defineDomain: async ({ instance: { id, pinnedCpus } }) => {
      host.guests.set(id, 'defined');
      host.pins.delete(id);
      if (pinnedCpus != null) host.pins.set(id, pinnedCpus);
      return { machineType: 'pc-q35-7.2', cpuModel: 'fake' };
    },
    bootDomain: async ({ instance: { id, pinnedCpus } }) => {
      host.guests.set(id, 'running');
      host.pins.delete(id);
      if (pinnedCpus != null) host.pins.set(id, pinnedCpus);
      return { powerState: 'running' };
    },
    startPaused: async ({ instanceId }) => {
      host.guests.set(instanceId, 'paused');
      return { isPlugged: false };
    },
    waitForVifs: async () => {},
    runGuest: async ({ instanceId }) => {
      host.guests.set(instanceId, 'running');
      return { powerState: 'running', launchedAt: new Date().toISOString() };
    },
    removeInstance: async ({ instanceId }) => {
      host.guests.delete(instanceId);
      host.disks.delete(instanceId);
      host.asides.delete(instanceId);
      return leftDevices(host, name, instanceId);
    },
    wipeDisks: async ({ instanceId }) => {
      host.devices.delete(instanceId);
    },
    openRemoteConsole: async ({ instanceId, kind }) => ({
      kind,
      address: 'fake',
      port: 10_000,
      cipher: 'none',
      identity: instanceId,
      presharedKey: '00',
      expiresAt: new Date().toISOString(),
    }),
    readConsole: async () => ({ output: 'GUEST UP\n', truncated: false }),
    storeImage: async ({ imageId }) => {
      host.images.add(imageId);
      return { sizeBytes: 1024 ** 2, virtualSizeBytes: 1024 ** 2, checksum: `sha256:${'0'.repeat(64)}` };
    },
    lookForSnapshotRoom: async () => ({ problem: host.isFull ? '/instances has 3 MiB free, 64 MiB are needed' : null }),
    extractSnapshot: async ({ instanceId, imageId, source }) => {
      const guest = host.guests.get(instanceId);
      const isQuiet = source.of === 'copy' ? host.copies.get(instanceId) === imageId : guest === 'defined' || guest === 'saved';
      if (!isQuiet) throw ApplicationFailure.nonRetryable('the guest runs', 'DomainStateConflict');
      host.copies.delete(instanceId);
      host.snapshots.add(imageId);
    },
    compressSnapshot: async () => {},
    uploadSnapshot: async ({ imageId }) => {
      host.images.add(imageId);
      host.snapshots.delete(imageId);
      return { sizeBytes: 1024 ** 2, virtualSizeBytes: 1024 ** 3, checksum: `sha256:${'1'.repeat(64)}` };
    },
    removeSnapshot: async ({ imageId }) => {
      host.snapshots.delete(imageId);
    },
    removeUploaded: async ({ imageId }) => {
      host.images.delete(imageId);
    },
    removeStoredImage: async ({ imageId }) => {
      host.images.delete(imageId);
    },
  };
}

function fakeDisks({ flavor }: Instance, localDisks: LocalDisks = { ephemerals: [], swapMiB: 0 }): readonly Disk[] {
  const wanted = wantedDisks({ flavor, imageVirtualSizeBytes: 1024 ** 2, osType: 'linux', localDisks, defaultFileSystem: null });
  const disks = wanted.map(({ name, sizeBytes }) => ({ name, kind: 'raw', format: 'raw', sizeBytes, backing: null }) as const);
  return withTargets(disks, { diskBus: 'virtio', cdromBus: null });
}

/** Makes an image and a network of this name, ready for builds; returns the request of one. */
export async function furnish(
  fleet: Fleet,
  name: string,
): Promise<(instance: string) => { name: string; flavor: string; image: string; networks: { network: string }[] }> {
  await fleet.run('createNetwork', { name, cidr: '10.1.0.0/24', bridge: 'br-test' });
  const { id: image } = await fleet.run<Image>('importImage', { name, source: 'file:fake', diskFormat: 'raw' });
  return (instance) => ({ name: instance, flavor: 'lab.tiny', image, networks: [{ network: name }] });
}

/** What is left of an instance anywhere: empty when nothing is. */
export async function leftOvers({ hosts, record }: Fleet, instanceId: string, network: string): Promise<string[]> {
  const found: string[] = [];
  for (const [name, host] of hosts) {
    if (host.disks.has(instanceId)) found.push(`disks on ${name}`);
    if (host.asides.has(instanceId)) found.push(`disks aside on ${name}`);
    if (host.keys.has(instanceId)) found.push(`key on ${name}`);
    if (host.guests.has(instanceId)) found.push(`guest on ${name}`);
    if (host.devices.has(instanceId)) found.push(`device of ${name}`);
    const { claims } = await record<Host>(`host/${name}`);
    if (claims.some((claim) => claim.instanceId === instanceId)) found.push(`claim on ${name}`);
  }
  const { ports } = await record<{ ports: { owner: string }[] }>(`network/${network}`);
  if (ports.some(({ owner }) => owner === instanceId)) found.push(`address in ${network}`);
  return found;
}

/** Looks until `look` has an answer that is not null; raises what was seen last after 20 s. */
export async function eventually<T>(look: () => Promise<T | null> | T | null): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const seen = await look();
    if (seen !== null) return seen;
    if (Date.now() > deadline) throw new Error('it did not come within 20 s');
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/** The run that a Reset makes of an operation, from the task that scheduled the step. */
export async function resetTo(step: string, run: Run, { client }: Fleet): Promise<WorkflowHandle> {
  const { events } = await run.fetchHistory();
  const scheduled = events?.find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === step);
  const { runId } = await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: run.workflowId },
    workflowTaskFinishEventId: scheduled?.activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId ?? null,
    requestId: randomUUID(),
    reason: 'to try what becomes of it',
  });
  return client.workflow.getHandle(run.workflowId, runId);
}

/** The view of an operation's run. */
export function viewOf(handle: WorkflowHandle): Promise<OperationView> {
  return handle.query<OperationView>('operation');
}

import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { fail } from '../../src/activities/fail.ts';
import type { LiveArrivalActivities } from '../../src/activities/live-migration/arrival.ts';
import type { MigrationDestinationActivities } from '../../src/activities/live-migration/destination.ts';
import type { MigrateLongActivities } from '../../src/activities/live-migration/migrate.ts';
import type { MigrationEnd, Wishes } from '../../src/activities/live-migration/note.ts';
import type { SettleActivities } from '../../src/activities/live-migration/settle.ts';
import type { MigrationSourceActivities } from '../../src/activities/live-migration/source.ts';
import type { PinnedCpus } from '../../src/model/cpus/placement.ts';
import type { Disk } from '../../src/model/instance.ts';
import { arrivalsOf, devicesFor } from '../../src/model/live-migration/arrivals.ts';
import { combinationProblem, policyOf } from '../../src/model/live-migration/policy.ts';
import { type GuestSight, whoseAfter } from '../../src/model/live-migration/sight.ts';
import { settingsOfMigration } from '../model/live-migration/policies.ts';
import { type FakeDevices, leftDevices, whyNoDevice } from './fake-devices.ts';
import { type FakeGuest, powerOf } from './fake-guest.ts';

/** A migration of a fake guest, which goes on whatever becomes of who follows it. */
interface FakeJob {
  readonly migrationId: string;
  readonly to: string;
  readonly pinnedCpus: PinnedCpus | undefined;
  asked: Wishes['asked'];
  isSwitched: boolean;
  end: MigrationEnd | null;
}

/** A config drive, as a record has it. */
const drive: Disk = { name: 'disk.config', target: 'sda', kind: 'raw', format: 'iso', sizeBytes: 1024 ** 2, backing: null };

/** How migrations end of which the guest stays. */
const stays = {
  wrong: { end: 'here', reason: 'QEMU gave it up' },
  lost: { end: 'here', reason: null, isLost: true },
} as const satisfies Record<string, MigrationEnd>;

/** What a fake host has of guests that move while they run. */
export interface FakeMigrations extends FakeDevices {
  readonly guests: Map<string, FakeGuest>;
  /** The CPUs on which guests with their own are, by instance. */
  readonly pins: Map<string, PinnedCpus>;
  /** By instance. */
  readonly migrations: Map<string, FakeJob>;
  readonly disks: Set<string>;
  /**
   * How its migrations go: to their end at once, the same without an answer of libvirt, never by themselves, switched over and then not on,
   * broken off there, not at all, or as far as to the loss of libvirtd.
   */
  migrationsGo: 'through' | 'unanswered' | 'nowhere' | 'into post-copy' | 'broken' | keyof typeof stays;
  /** Whether instances have a config drive when they come here. */
  carriesDrives: boolean;
  /** Why it takes no instance, or null. */
  refusesArrivals: string | null;
}

type MigrationSteps = MigrationSourceActivities &
  MigrationDestinationActivities &
  MigrateLongActivities &
  LiveArrivalActivities &
  SettleActivities;

const pollMs = 10;

/** Live migration between plain objects; `peers` are all hosts. */
export function fakeMigrationSteps(name: string, host: FakeMigrations, peers: ReadonlyMap<string, FakeMigrations>): MigrationSteps {
  const sight = (instanceId: string): GuestSight => {
    const guest = host.guests.get(instanceId);
    const job = host.migrations.get(instanceId);
    const waits = [...peers.values()].some(({ migrations, migrationsGo }) => {
      const coming = migrations.get(instanceId);
      return coming?.to === name && coming.end === null && migrationsGo === 'broken';
    });
    if (waits) return { state: 'broken', job: 'migration in', isSwitched: true, completed: null };
    const isMoving = job !== undefined && job.end === null;
    const isSwitched = isMoving && job.isSwitched;
    const state = guest === undefined ? 'absent' : guest === 'running' || guest === 'paused' ? guest : 'off';
    return { state: isSwitched ? 'held' : state, job: isMoving ? 'migration out' : 'none', isSwitched, completed: null };
  };
  const target = { uri: `qemu+tls://${name}/system`, address: name, listenAddress: '127.0.0.1', instancesDir: '/instances' };
  const wish = (instanceId: string, migrationId: string, change: (job: FakeJob) => void) => {
    const job = host.migrations.get(instanceId);
    if (job?.migrationId !== migrationId || job.end !== null) return { refusal: 'the guest is not being moved now' };
    if (job.isSwitched) return { refusal: 'the guest has switched over to its destination' };
    change(job);
    return { refusal: null };
  };
  const arrive = (instanceId: string, { pinnedCpus }: FakeJob, there: FakeMigrations | undefined) => {
    there?.guests.set(instanceId, host.guests.get(instanceId) ?? 'defined');
    if (pinnedCpus !== undefined) there?.pins.set(instanceId, pinnedCpus);
  };
  const advance = (instanceId: string, job: FakeJob) => {
    const asked = Context.current().cancellationDetails?.cancelRequested === true ? 'abort' : job.asked;
    if (host.migrationsGo === 'into post-copy' || host.migrationsGo === 'broken') job.isSwitched = true;
    if (host.migrationsGo === 'broken') throw fail('PostCopyBroken', 'the hosts lost one another');
    else if (asked === 'abort') job.end = { end: 'here', reason: 'it was aborted after 0 s' };
    else job.end = endOf(instanceId, job, asked === 'forceComplete');
  };
  const endOf = (instanceId: string, job: FakeJob, isForced: boolean): MigrationEnd | null => {
    const { migrationsGo } = host;
    if (migrationsGo === 'wrong' || migrationsGo === 'lost') return stays[migrationsGo];
    if (migrationsGo !== 'through' && migrationsGo !== 'unanswered' && !isForced) return null;
    arrive(instanceId, job, peers.get(job.to));
    host.guests.delete(instanceId);
    return { end: 'gone', reason: null, ...(migrationsGo === 'unanswered' ? {} : { isArrived: true }) };
  };
  return {
    checkGuestMoves: async ({ instanceId, wanted, diskBytes }) => {
      const guest = host.guests.get(instanceId);
      if (guest !== 'running' && guest !== 'paused') throw fail('MigrationPreCheckError', 'the guest is off: it is migrated cold');
      const policy = policyOf(settingsOfMigration(), wanted, { memoryMiB: 64, diskBytes });
      const problem = combinationProblem(policy);
      if (problem !== null) throw fail('MigrationPreCheckError', problem);
      const hardware = { virtType: 'qemu', arch: 'x86_64', machineType: 'pc-q35-7.2', cpuXml: null, graphics: [], memoryMiB: 64 };
      return { ...hardware, isPaused: guest === 'paused', policy };
    },
    targetOfMigration: async () => target,
    checkTakesGuest: async () => ({ refusal: host.refusesArrivals }),
    reachDestination: async ({ target: { address } }) => {
      if (!peers.has(address)) throw fail('MigrationPreCheckError', `libvirtd of ${name} does not reach ${address}`);
    },
    migrateGuest: async ({ instanceId, migrationId, target, pinnedCpus }) => {
      const known = host.migrations.get(instanceId);
      const job =
        known?.migrationId === migrationId
          ? known
          : { migrationId, to: target.address, pinnedCpus, asked: null, isSwitched: false, end: null };
      host.migrations.set(instanceId, job);
      const { cancellationSignal } = Context.current();
      for (;;) {
        if (job.end === null) advance(instanceId, job);
        if (job.end !== null) return job.end;
        if (cancellationSignal.aborted && Context.current().cancellationDetails?.cancelRequested !== true)
          cancellationSignal.throwIfAborted();
        await setTimeout(pollMs);
      }
    },
    abortMigration: async ({ instanceId, migrationId }) =>
      wish(instanceId, migrationId, (job) => {
        job.asked = 'abort';
      }),
    forceMigration: async ({ instanceId, migrationId }) =>
      wish(instanceId, migrationId, (job) => {
        job.asked = 'forceComplete';
      }),
    setMigrationPolicy: async ({ instanceId, migrationId }) => ({ ...wish(instanceId, migrationId, () => undefined), note: null }),
    endMigration: async ({ instanceId }) => {
      const job = host.migrations.get(instanceId);
      if (job?.end === null) job.end = { end: 'here', reason: 'it was ended' };
      const { state } = sight(instanceId);
      return { end: state === 'absent' ? 'gone' : state === 'off' ? 'off' : 'here' };
    },
    runOn: async () => undefined,
    sightOfGuest: async ({ instanceId }) => sight(instanceId),
    forgetMigration: async ({ instanceId }) => void host.migrations.delete(instanceId),
    measureDisks: async () => ({ allocatedBytes: 0 }),
    planLiveArrival: async ({ instance, storage, blockMigration }) => {
      const disks = host.carriesDrives ? [...instance.disks, drive] : instance.disks;
      const { refusal, arrivals } = arrivalsOf({ disks, storage, sameBases: [], blockMigration });
      if (refusal !== null) return { refusal, type: 'MigrationPreCheckError', missing: [] };
      const noDevice = whyNoDevice(host, devicesFor(arrivals));
      if (noDevice !== null) return { refusal: noDevice, type: 'MigrationPreCheckError', missing: [] };
      if (host.disks.has(instance.id)) return { refusal: 'it has disk', type: 'DestinationDiskExists', missing: [] };
      return { refusal, arrivals, missing: [], target };
    },
    prepareLiveArrival: async ({ instanceId, receives }) => {
      host.disks.add(instanceId);
      return { opened: receives == null ? null : { address: 'fake', port: 20_001, carrier: 'https', path: '/fake' } };
    },
    awaitGuest: async ({ instanceId }) => sight(instanceId),
    adoptGuest: async ({ instanceId }) => {
      const guest = host.guests.get(instanceId);
      if (guest === undefined) throw fail('DomainNotFound', 'the guest is not here');
      return { powerState: powerOf[guest] };
    },
    dropArrival: async ({ instanceId, source }) => {
      if (whoseAfter(source, sight(instanceId)) === 'destination') throw fail('DomainStateConflict', 'the guest lives here');
      host.guests.delete(instanceId);
      host.disks.delete(instanceId);
    },
    leaveMigrated: async ({ instanceId }) => {
      host.guests.delete(instanceId);
      host.disks.delete(instanceId);
      host.migrations.delete(instanceId);
      return leftDevices(host, name, instanceId);
    },
  };
}

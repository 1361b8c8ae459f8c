import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { Client } from '@temporalio/client';
import { type Logger, Runtime, Worker } from '@temporalio/worker';
import { hostReporter } from './activities/attend.ts';
import { ageBases, usesOfHost } from './activities/base-ageing.ts';
import { baseCache } from './activities/base-cache.ts';
import { capabilitiesOf } from './activities/capabilities.ts';
import { consoleActivities } from './activities/console.ts';
import { payDebts } from './activities/debts.ts';
import { diskBackends } from './activities/disks/backends.ts';
import { givenDeviceActivities } from './activities/disks/given-devices.ts';
import { diskActivities } from './activities/disks.ts';
import { domainActivities } from './activities/domain.ts';
import { guestAgentActivities } from './activities/guest-agent.ts';
import { guestCpus } from './activities/guest-cpus.ts';
import { guestWatch } from './activities/guest-watch.ts';
import { holdingIn } from './activities/holding.ts';
import type { HostLongActivities, QuickActivities } from './activities/host.ts';
import { type HostListingActivities, hostListingActivities } from './activities/host-listing.ts';
import { imageStoreActivities } from './activities/image-store.ts';
import { liveArrivalActivities } from './activities/live-migration/arrival.ts';
import { migrationDestinationActivities } from './activities/live-migration/destination.ts';
import { migrateActivities } from './activities/live-migration/migrate.ts';
import { settleActivities } from './activities/live-migration/settle.ts';
import { migrationSourceActivities } from './activities/live-migration/source.ts';
import { type MeasureActivities, measureActivities } from './activities/measure.ts';
import { owedRemoval } from './activities/owed-removal.ts';
import { everySeconds } from './activities/passes.ts';
import { powerActivities } from './activities/power.ts';
import { reception } from './activities/reception.ts';
import { remoteConsoleActivities } from './activities/remote-console.ts';
import { destinationActivities } from './activities/resize/destination.ts';
import { sourceActivities } from './activities/resize/source.ts';
import { savedMemoryActivities } from './activities/saved-memory.ts';
import { screenshotActivities } from './activities/screenshot.ts';
import { snapshotModeActivities } from './activities/snapshot/choose.ts';
import { extractActivities } from './activities/snapshot/extract.ts';
import { liveSnapshotActivities } from './activities/snapshot/live.ts';
import { thawLeft } from './activities/snapshot/thaw-left.ts';
import { uploadActivities } from './activities/snapshot/upload.ts';
import { endSupersededGuests } from './activities/superseded/end.ts';
import { removeKeptDisks } from './activities/superseded/remove-kept.ts';
import { endAbandoned, forgetHalfMade } from './activities/transfer/close.ts';
import { comparisonActivities } from './activities/transfer/comparison.ts';
import { transferActivities } from './activities/transfer.ts';
import { vifActivities } from './activities/vifs.ts';
import type { Config } from './config.ts';
import { connectLibvirt, type Libvirt } from './libvirt/index.ts';
import { controlQueue, longQueueOf, quickQueueOf } from './model/queues.ts';
import { commonOptions, type WorkerSurroundings } from './worker-options.ts';
import type { auditHost } from './workflows/audit-host.ts';

/** How often a host looks whether operations are over that it receives for. */
const transferPassSeconds = 60;

/** The workers of a compute host: seconds of work on one queue, copies on the other. The host is known to the scheduler once this resolves. */
export async function computeWorkers(config: Config, surroundings: WorkerSurroundings): Promise<readonly Worker[]> {
  await mkdir(config.instancesDir, { recursive: true });
  const libvirt = connectLibvirt({ socket: config.libvirt.socket });
  const { quick, long, report, comeHome } = hostActivities(config, libvirt, surroundings.stopping);
  const common = commonOptions(config, surroundings, { heartbeats: true });
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: quickQueueOf(config.host.name),
      activities: { ...quick },
      maxConcurrentActivityTaskExecutions: config.slots.quick + 1, // `attend` takes one for good
    }),
    Worker.create({
      ...common,
      taskQueue: longQueueOf(config.host.name),
      activities: { ...long },
      maxConcurrentActivityTaskExecutions: config.slots.long,
    }),
  ]);
  const { connection, namespace, stopping } = surroundings;
  const client = new Client({ connection, namespace, dataConverter: common.dataConverter });
  await report(client, false);
  await comeHome(client);
  void ageingOf(config, libvirt, client, stopping);
  void everySeconds(
    transferPassSeconds,
    stopping,
    'a look for transfers that are over',
    () => endTransfers(client, config, Runtime.instance().logger),
    Runtime.instance().logger,
  );
  void auditAtStart(config.host.name, client);
  return workers;
}

/** Removes images that nothing uses any more, now and then, for as long as the worker runs. */
function ageingOf(config: Config, libvirt: Libvirt, by: Client, stopping: AbortSignal): Promise<void> {
  const { logger } = Runtime.instance();
  const uses = usesOfHost(config, libvirt, by);
  const pass = async () => {
    for (const base of await ageBases(config, uses)) logger.info('an image that nothing uses was removed from the cache', { base });
  };
  return everySeconds(config.imageCache.passSeconds, stopping, 'a look through the image cache', pass, logger);
}

/** Ends what receives for operations that are over, now and then. */
async function endTransfers(by: Client, { runDir }: Config, logger: Logger): Promise<void> {
  for (const transfer of await endAbandoned(runDir, by)) logger.info('what received for an operation that is over was ended', { transfer });
}

/** What this host is like is compared with its record, as soon as its workers take work; what is not as it should be is said in the log. */
async function auditAtStart(host: string, by: Client): Promise<void> {
  const { logger } = Runtime.instance();
  try {
    const workflowId = `audit-host/${host}/${randomUUID().slice(0, 8)}`;
    const run = by.workflow.execute<typeof auditHost>('auditHost', { taskQueue: controlQueue, workflowId, args: [{ host }] });
    const { differences, healed } = await run;
    for (const { kind, what, likelyCause } of differences) logger.warn('the host is not as its record says', { kind, what, likelyCause });
    for (const { what } of healed) logger.info('a claim that nobody holds was given back', { what });
  } catch (error) {
    logger.warn('the host could not be audited', { error });
  }
}

interface HostSide {
  readonly quick: QuickActivities & HostListingActivities & MeasureActivities;
  readonly long: HostLongActivities;
  readonly report: ReturnType<typeof hostReporter>['report'];
  /** What a host does first when it is back, before it takes any work: guests that were left frozen are thawed, it pays what it owes, what it received for nobody ends, then guests that went on elsewhere end. */
  readonly comeHome: (by: Client) => Promise<void>;
}

function hostActivities(config: Config, libvirt: Libvirt, stopping: AbortSignal): HostSide {
  const { logger } = Runtime.instance();
  const whileHolding = holdingIn(config.instancesDir);
  const bases = baseCache(config);
  const capabilities = capabilitiesOf(libvirt);
  const askGuestCpus = guestCpus(libvirt, config.host);
  const backends = diskBackends(config);
  const domains = domainActivities(libvirt, { capabilities, askGuestCpus }, whileHolding, bases, backends.devices, config);
  const { fetchBases, writeDisks, wipeDisks, ...disks } = diskActivities(whileHolding, bases, backends, config);
  const { placeDisks, ...arrivals } = destinationActivities(libvirt, capabilities, whileHolding, bases, backends, config);
  const { clearDevices, ...givenDevices } = givenDeviceActivities(libvirt, whileHolding, backends);
  const departures = sourceActivities(libvirt, whileHolding, backends.devices);
  const remove = owedRemoval({ ...domains, ...departures, wipeDisks }, config.host.name, logger);
  const endSuperseded = endSupersededGuests(config, libvirt, whileHolding, logger);
  const { report, attend } = hostReporter(config, libvirt, capabilities, {
    askGuestCpus,
    guests: guestWatch(config, libvirt),
    session: randomUUID(),
    stopping,
    remove,
    endSuperseded,
    removeKept: removeKeptDisks(config, remove, logger),
  });
  const { saveGuest, restoreGuest, wakeGuest, ...savedMemory } = savedMemoryActivities(libvirt, whileHolding, config);
  const transfers = transferActivities(whileHolding, { ...backends.arrivals, ...backends.devices }, config);
  const { copyLive, ...liveSnapshots } = liveSnapshotActivities(libvirt, whileHolding);
  const { storeImage, ...images } = imageStoreActivities(config);
  const { extractSnapshot, compressSnapshot, ...extracted } = extractActivities(libvirt, whileHolding, backends.devices, config);
  const { uploadSnapshot, ...uploaded } = uploadActivities(whileHolding, config);
  const thaw = thawLeft(config, libvirt, whileHolding, logger);
  return {
    report,
    comeHome: async (by) => {
      const stays = (what: string) => (error: unknown) => logger.warn(what, { error });
      await thaw().catch(stays('guests that a worker left frozen may still be'));
      await payDebts(by, config.host.name, remove).catch(stays('what this host owes is still owed'));
      await forgetHalfMade(config.runDir).catch(stays('half-made notes of transfers may lie here'));
      await endTransfers(by, config, logger).catch(stays('disks may be received here for operations that are over'));
      await endSuperseded(by).catch(stays('guests that went on elsewhere may run here'));
    },
    long: {
      ...{ fetchBases, writeDisks, wipeDisks, clearDevices, storeImage, placeDisks },
      ...transfers.long,
      ...migrateActivities(libvirt, whileHolding, config),
      ...{ saveGuest, restoreGuest, wakeGuest, copyLive, extractSnapshot, compressSnapshot, uploadSnapshot },
    },
    quick: {
      attend,
      ...disks,
      ...images,
      ...extracted,
      ...uploaded,
      ...domains,
      ...departures,
      ...givenDevices,
      ...arrivals,
      ...remoteConsoleActivities(config, libvirt),
      ...powerActivities(libvirt, whileHolding),
      ...guestAgentActivities(libvirt, whileHolding),
      ...savedMemory,
      ...transfers.quick,
      ...comparisonActivities(whileHolding, config),
      ...snapshotModeActivities(libvirt, whileHolding, config),
      ...liveSnapshots,
      ...migrationSourceActivities(libvirt, whileHolding, config),
      ...migrationDestinationActivities(libvirt, config),
      ...liveArrivalActivities(
        reception(libvirt, capabilities, bases, config),
        { capabilities, askGuestCpus },
        whileHolding,
        bases,
        backends.arrivals,
        config,
      ),
      ...settleActivities(libvirt, whileHolding, backends, config),
      ...screenshotActivities(libvirt),
      ...vifActivities,
      ...consoleActivities(config),
      ...hostListingActivities(libvirt, backends.devices, config),
      ...measureActivities(libvirt, capabilities, askGuestCpus, config),
    },
  };
}

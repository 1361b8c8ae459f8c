import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { Client } from '@temporalio/client';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { hostReporter } from './activities/attend.ts';
import { baseCache } from './activities/base-cache.ts';
import { capabilitiesOf } from './activities/capabilities.ts';
import { consoleActivities } from './activities/console.ts';
import { diskActivities } from './activities/disks.ts';
import { domainActivities } from './activities/domain.ts';
import { holdingIn } from './activities/holding.ts';
import type { HostLongActivities, QuickActivities } from './activities/host.ts';
import { type HostListingActivities, hostListingActivities } from './activities/host-listing.ts';
import { imageStoreActivities } from './activities/image-store.ts';
import { stepInterceptor } from './activities/interceptor.ts';
import { vifActivities } from './activities/vifs.ts';
import { dataConverter } from './client.ts';
import type { Config } from './config.ts';
import type { WorkerSurroundings } from './control-worker.ts';
import { connectLibvirt, type Libvirt } from './libvirt/index.ts';
import { longQueueOf, quickQueueOf } from './model/queues.ts';

/** The workers of a compute host: seconds of work on one queue, copies on the other. The host is known to the scheduler once this resolves. */
export async function computeWorkers(config: Config, { connection, namespace, stopping }: WorkerSurroundings): Promise<readonly Worker[]> {
  await mkdir(config.instancesDir, { recursive: true });
  const libvirt = connectLibvirt({ socket: config.libvirt.socket });
  const { quick, long, report } = hostActivities(config, libvirt, stopping);
  const common = {
    connection,
    namespace,
    dataConverter,
    shutdownGraceTime: config.drainSeconds * 1000,
    maxHeartbeatThrottleInterval: '1s',
    interceptors: { activity: [() => ({ inbound: stepInterceptor({ heartbeats: true, faults: config.faults }) })] },
  } satisfies Partial<WorkerOptions>;
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
  await report(new Client({ connection, namespace, dataConverter }), false);
  return workers;
}

function hostActivities(
  config: Config,
  libvirt: Libvirt,
  stopping: AbortSignal,
): { quick: QuickActivities & HostListingActivities; long: HostLongActivities; report: ReturnType<typeof hostReporter>['report'] } {
  const whileHolding = holdingIn(config.instancesDir);
  const bases = baseCache(config);
  const capabilities = capabilitiesOf(libvirt);
  const { report, attend } = hostReporter(config, libvirt, capabilities, { session: randomUUID(), stopping });
  const { fetchBases, ...disks } = diskActivities(whileHolding, bases);
  const { storeImage, ...images } = imageStoreActivities(config);
  return {
    report,
    long: { fetchBases, storeImage },
    quick: {
      attend,
      ...disks,
      ...images,
      ...domainActivities(libvirt, capabilities, whileHolding, bases),
      ...vifActivities,
      ...consoleActivities(config),
      ...hostListingActivities(libvirt, config),
    },
  };
}

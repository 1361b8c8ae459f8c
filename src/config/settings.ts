import { z } from 'zod';
import { configDriveFormats } from '../model/config-drive.ts';
import { cpusIn } from '../model/cpus/cpu-set.ts';
import { fileSystems } from '../model/file-systems.ts';
import { combinationProblem, compressions, timeoutActions } from '../model/live-migration/policy.ts';
import { defaultFilters, optionalFilters } from '../scheduler/filters.ts';
import { defaultMultipliers } from '../scheduler/weighers.ts';
import { flag, hostName, id, must, name, objectOf, oneOf, textOf, wholeNumber } from '../schema/fields.ts';
import { flavor } from '../schema/flavor.ts';
import { notifications } from './notification-settings.ts';

const maxCount = 1_000_000_000;
const day = 86_400;

const path = textOf(/^\/[^\0]*$/, 'an absolute path');
const count = wholeNumber(0, maxCount);
const ratio = z
  .number(must('a number from 0.01 to 1000'))
  .min(0.01, must('a number from 0.01 to 1000'))
  .max(1000, must('a number from 0.01 to 1000'));
const factor = z.number(must('a number'));
const factors = z.record(z.string(), factor, must('a map of numbers'));

const pciId = textOf(/^[0-9a-f]{4}:[0-9a-f]{4}$/, 'vendor:product, each of four hexadecimal digits');
const volumeName = textOf(/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]*$/, 'a name as LVM has it');

const isolateDevice = objectOf({
  path: textOf(/^\/dev\/(disk\/by-id\/[^/\0]+|loop\d+)$/, 'a path below /dev/disk/by-id, which leads to the same drive after a restart'),
  wipe: flag.default(false),
});

const aCpuSet = 'a set of CPUs, such as "4-12,^8,15"';
const cpuSet = z.string(must(aCpuSet)).refine((text) => cpusIn(text) !== null, `must be ${aCpuSet}`);

const host = objectOf({
  name: hostName.describe(
    "The name of this compute host, which names its record and its task queues. Default: the machine's host name, up to its first dot.",
  ),
  address: name.describe('The address or name at which other compute hosts reach this one. Default: `host.name`.'),
  availabilityZone: name.nullable().default(null).describe('What a request may ask for as `availabilityZone`.'),
  cpuMetrics: flag.default(false).describe('Whether the host reports each minute what its processors did, as metrics `cpu.…`.'),
  pciDevices: z
    .array(pciId, must('a list of devices'))
    .default([])
    .describe('PCI devices of the host that guests may have, `vendor:product`: the host reports those that it has.'),
  cpuDedicatedSet: cpuSet
    .nullable()
    .default(null)
    .describe(
      "CPUs of the host for guests that have theirs alone, as `4-12,^8,15` (Nova's `cpu_dedicated_set`): `hw:cpu_policy` `dedicated` or `mixed`. None: no such guest comes here.",
    ),
  cpuSharedSet: cpuSet
    .nullable()
    .default(null)
    .describe("CPUs over which all other guests float (Nova's `cpu_shared_set`). None: all that are not in `host.cpuDedicatedSet`."),
  capacity: objectOf({
    vcpus: count.nullable().default(null).describe('vCPUs that guests share, in place of the CPUs that libvirt reports for it.'),
    memoryMiB: count.nullable().default(null).describe('MiB of memory, in place of what libvirt reports.'),
    diskGiB: count
      .nullable()
      .default(null)
      .describe('GiB of disk below `instancesDir`, in place of what its file system, volume group or devices have.'),
  }),
  reserved: objectOf({
    vcpus: count.default(0).describe('vCPUs that no instance may claim, of those that are shared.'),
    memoryMiB: count.default(512).describe('MiB of memory that no instance may claim.'),
    diskGiB: count.default(0).describe('GiB of disk that no instance may claim.'),
  }),
  ratios: objectOf({
    vcpus: ratio.default(4).describe('vCPUs that instances may claim for each CPU of the host that they share.'),
    memory: ratio.default(1).describe('Memory that instances may claim, as a multiple of what the host has.'),
    disk: ratio.default(1).describe('Disk that instances may claim, as a multiple of what the host has.'),
  }),
}).refine(({ cpuDedicatedSet, cpuSharedSet }) => areApart(cpuDedicatedSet, cpuSharedSet), {
  path: ['cpuSharedSet'],
  message: 'must have no CPU that is in host.cpuDedicatedSet',
});

function areApart(...[one, other]: readonly (string | null)[]): boolean {
  const cpus = new Set(cpusIn(one ?? ''));
  return !(cpusIn(other ?? '') ?? []).some((cpu) => cpus.has(cpu));
}

const multipliers = objectOf({
  ram: factor.default(defaultMultipliers.ram).describe('Weight of free memory; negative: fill hosts up.'),
  cpu: factor.default(defaultMultipliers.cpu).describe('Weight of free vCPUs; negative: fill hosts up.'),
  disk: factor.default(defaultMultipliers.disk).describe('Weight of free disk; negative: fill hosts up.'),
  ioOps: factor.default(defaultMultipliers.ioOps).describe('Weight of instances that are built or copied; negative: prefer idle hosts.'),
  numInstances: factor.default(defaultMultipliers.numInstances).describe('Weight of the number of instances; negative: spread them.'),
  hypervisorVersion: factor.default(defaultMultipliers.hypervisorVersion).describe("Weight of the hypervisor's version."),
  pci: factor.default(defaultMultipliers.pci).describe('Weight of having few PCI devices to give; keeps hosts with devices free.'),
  buildFailure: factor.default(defaultMultipliers.buildFailure).describe('Weight of builds that failed since the last that did not.'),
  imageProperties: factor
    .default(defaultMultipliers.imageProperties)
    .describe("Weight of properties that the image has in common with those of the host's instances."),
  metrics: factor.default(defaultMultipliers.metrics).describe('Weight of the sum of `scheduler.metrics.weights`.'),
});

const scheduler = objectOf({
  enabledFilters: z
    .array(oneOf(optionalFilters), must('a list of filters'))
    .default([...defaultFilters])
    .describe('Filters beside those of state, zone and room, which always run. There are also `ioOps` and `numInstances`.'),
  maxIoOpsPerHost: wholeNumber(1, 1000).default(8).describe('Instances that may be built or copied on a host at a time: filter `ioOps`.'),
  maxInstancesPerHost: wholeNumber(1, 100_000).default(50).describe('Instances that a host may have: filter `numInstances`.'),
  isolatedHosts: z.array(hostName, must('a list of hosts')).default([]).describe('Hosts for isolated images: filter `isolatedHosts`.'),
  isolatedImages: z.array(id, must('a list of ids')).default([]).describe('Images that run on isolated hosts only.'),
  restrictIsolatedHostsToIsolatedImages: flag.default(true).describe('Whether isolated hosts take no other images.'),
  pciAliases: z
    .record(name, pciId, must('a map of devices'))
    .default({})
    .describe('PCI devices, `vendor:product`, by the name that a flavor may ask for: filter `pciPassthrough`.'),
  multipliers,
  metrics: objectOf({
    weights: factors.default({}).describe('A factor by metric of hosts; empty: metrics take no part.'),
    required: flag.default(true).describe('Whether a host that lacks one of them is filtered out.'),
    weightOfUnavailable: factor.default(-10_000).describe('What a host weighs that lacks one and is not filtered out.'),
  }),
  imagePropertyWeights: factors.default({}).describe('How much a shared property of an image counts; empty: each counts 1.'),
  hostSubsetSize: wholeNumber(1, 1000).default(1).describe('The winner is drawn from the best so many hosts.'),
  shuffleBestSameWeighedHosts: flag.default(false).describe('Whether hosts of equal weight come in a drawn order; else by name.'),
  maxAttempts: wholeNumber(1, 100).default(3).describe('Hosts that a build tries, one after another, when hosts are at fault.'),
});

const liveMigration = objectOf({
  tls: flag
    .default(true)
    .describe(
      'Whether memory and disks of a guest are encrypted on their way. `false` is for labs: a compute worker elsewhere does not start.',
    ),
  inboundAddress: name
    .nullable()
    .default(null)
    .describe("The address at which this host takes guests (Nova's `live_migration_inbound_addr`). None: `host.address`."),
  bandwidthMiBps: count.default(0).describe('MiB a second that a migration may take (`live_migration_bandwidth`); 0: as much as there is.'),
  downtimeMs: wholeNumber(100, 2_000_000)
    .default(500)
    .describe('Milliseconds that a guest may stand still when it switches over (`live_migration_downtime`).'),
  downtimeSteps: wholeNumber(3, 1000).default(10).describe('In how many steps that is come to (`live_migration_downtime_steps`).'),
  downtimeDelaySeconds: wholeNumber(3, day)
    .default(75)
    .describe('Seconds between them for each GiB of memory and copied disk (`live_migration_downtime_delay`).'),
  completionTimeoutSeconds: wholeNumber(0, day)
    .default(800)
    .describe(
      'Seconds that a migration may take for each GiB of memory and copied disk (`live_migration_completion_timeout`); 0: no limit.',
    ),
  timeoutAction: oneOf(timeoutActions)
    .default('abort')
    .describe('What is done when it takes longer (`live_migration_timeout_action`): it is given up, or made to end.'),
  permitPostCopy: flag
    .default(false)
    .describe(
      'Whether a migration that is made to end switches the guest over and fetches the rest of its memory afterwards (`live_migration_permit_post_copy`). A cut between the hosts then stops the guest until they are joined again.',
    ),
  permitAutoConverge: flag
    .default(false)
    .describe('Whether a guest that changes its memory faster than it is copied is slowed down (`live_migration_permit_auto_converge`).'),
  parallelConnections: wholeNumber(1, 255).default(1).describe('Connections that carry memory (`live_migration_parallel_connections`).'),
  compression: oneOf(compressions)
    .default('none')
    .describe('How memory is compressed on its way: what changed of a page (`xbzrle`), or by several threads (`mt`).'),
}).superRefine((settings, context) => {
  const problem = combinationProblem({ ...settings, postCopy: settings.permitPostCopy, autoConverge: false });
  if (problem !== null) context.addIssue({ code: 'custom', path: ['permitPostCopy'], message: `does not go together: ${problem}` });
});

/** Every setting with its default and what it does; the order is that of the manual. */
export const settings = objectOf({
  host,
  libvirt: objectOf({
    socket: path.default('/run/libvirt/libvirt-sock').describe("The socket of the host's libvirtd or virtqemud."),
    saveDir: path.default('/var/lib/libvirt/qemu/save').describe('Where libvirt saves the memory of suspended guests.'),
  }),
  instancesDir: path.default('/var/lib/nova/instances').describe('Where the disks of instances are.'),
  imagesType: oneOf(['qcow2', 'raw', 'lvm', 'isolate'])
    .default('qcow2')
    .describe(
      "How the root disks of new instances are kept, Nova's `images_type`: overlays on the cached image, whole files of their own (`raw`), logical volumes, or whole block devices (`isolate`).",
    ),
  growFileSystem: oneOf(['auto', 'never'])
    .default('auto')
    .describe(
      'Whether the file system of a new root disk grows to the size of its disk: one of ext2, ext3 or ext4 in a raw image without partitions. Others are left to the guest.',
    ),
  useCowImages: flag
    .default(true)
    .describe(
      "Nova's `use_cow_images`: a root disk that is a whole raw file becomes qcow2 when it moves to a host whose `imagesType` is qcow2; `false`: it stays as it is.",
    ),
  allowResizeToSameHost: flag
    .default(false)
    .describe("Nova's `allow_resize_to_same_host`: whether a resize may leave an instance where it is; a cold migration never does."),
  resizeConfirmWindowSeconds: wholeNumber(0, maxCount)
    .default(0)
    .describe("Nova's `resize_confirm_window`: after so long a resize that nobody decided on is confirmed; 0: it waits for ever."),
  isolate: objectOf({
    devices: z
      .array(isolateDevice, must('a list of devices'))
      .refine((devices) => new Set(devices.map((device) => device.path)).size === devices.length, 'must not have one device twice')
      .default([])
      .describe(
        'Whole block devices for disks of `imagesType: isolate`: `{ path, wipe }`. One that carries a partition table, a file system or a volume is taken only where `wipe` is true.',
      ),
  }),
  lvm: objectOf({
    volumeGroup: volumeName.nullable().default(null).describe('The volume group for disks of `imagesType: lvm`.'),
    thinPool: volumeName.nullable().default(null).describe('A thin pool in it; none: volumes have all their space from the beginning.'),
  }),
  defaultEphemeralFormat: oneOf(fileSystems)
    .nullable()
    .default(null)
    .describe('The file system of new ephemeral disks; none: ext4 for an image whose `os_type` is linux, ntfs for windows, else vfat.'),
  imageStore: objectOf({
    directory: path.default('/var/lib/novaflow/images').describe('Where images are, a directory that all hosts reach.'),
  }),
  disableLiveSnapshot: flag
    .default(false)
    .describe(
      'Whether snapshots of running guests of this host save the guest and restore it instead of copying its disk while it runs (Nova: `disable_libvirt_livesnapshot`).',
    ),
  forceRawImages: flag
    .default(true)
    .describe(
      "Nova's `force_raw_images`: a qcow2 image is converted to a raw base once a host; `false`: overlays stand on the qcow2 itself. A vmdk is converted always.",
    ),
  imageCache: objectOf({
    keepHours: wholeNumber(0, 8760).default(24).describe('How long a host keeps an image that nothing on it uses any more.'),
    passSeconds: wholeNumber(0, day).default(2400).describe('How often a host looks which of its images are used; 0: it keeps them all.'),
    precacheConcurrency: wholeNumber(1, 1000).default(4).describe('How many hosts a `cacheImage` has fetching at the same time.'),
  }),
  importDirectory: path
    .default('/var/lib/novaflow/import')
    .describe('Below it lie the files that `importImage` may take; a source that leads out of it is refused.'),
  imports: objectOf({
    caFile: path.nullable().default(null).describe('Certificates in PEM that image servers may have beside those that the machine trusts.'),
    maxSizeMiB: wholeNumber(1, 2 ** 30)
      .default(1_048_576)
      .describe('MiB that an imported file may have.'),
    allowedNetworks: z
      .array(z.union([z.cidrv4(), z.cidrv6()], must('a network in CIDR notation')), must('a list of networks in CIDR notation'))
      .default([])
      .describe('Networks that images may come from though they are loopback, link-local or of a metadata service: `[127.0.0.0/8]`.'),
    silenceSeconds: wholeNumber(1, day)
      .default(60)
      .describe('How long an image server may say nothing before the connection is made anew.'),
  }),
  vifPlugTimeoutSeconds: wholeNumber(0, day)
    .default(300)
    .describe("How long a build or a start waits until its guest's network is plugged; 0: it does not."),
  vifPlugIsFatal: flag.default(true).describe('Whether it fails when that time is over.'),
  shutdownTimeoutSeconds: wholeNumber(0, day)
    .default(60)
    .describe(
      'How long a guest may take to shut down before it is switched off; its image (`os_shutdown_timeout`) or a request may say otherwise. 0: it is not asked.',
    ),
  shutdownRetrySeconds: wholeNumber(1, day).default(10).describe('How often a guest is asked again to shut down.'),
  softRebootTimeoutSeconds: wholeNumber(1, day)
    .default(120)
    .describe('How long a guest may take to shut down in a soft reboot before it is rebooted hard.'),
  reclaimInstanceIntervalSeconds: wholeNumber(0, maxCount)
    .default(0)
    .describe('How long an instance that was soft-deleted can be restored; 0: it is deleted at once.'),
  evacuatedKeepHours: wholeNumber(0, maxCount)
    .default(168)
    .describe(
      'How long a host that comes back keeps the disks of a guest that it had to end, since its instance had gone on elsewhere or was deleted meanwhile: what the guest wrote in between is only there. 0: they are removed at once.',
    ),
  vnc: objectOf({
    enabled: flag
      .default(false)
      .describe('Whether every guest has a screen that can be looked at by VNC; off: those whose image names a `hw_video_model`.'),
  }),
  consolePorts: objectOf({
    first: wholeNumber(1024, 65_535).default(10_000).describe('First port on which this host takes connections to consoles.'),
    last: wholeNumber(1024, 65_535).default(20_000).describe('Last of them.'),
  }).refine(({ first, last }) => first <= last, { path: ['last'], error: 'must not be below consolePorts.first' }),
  transferPorts: objectOf({
    first: wholeNumber(1024, 65_535)
      .default(20_001)
      .describe('First port on which this host takes disks and files of instances from other hosts, at `host.address`.'),
    last: wholeNumber(1024, 65_535).default(20_512).describe('Last of them.'),
  }).refine(({ first, last }) => first <= last, { path: ['last'], error: 'must not be below transferPorts.first' }),
  transferSilenceSeconds: wholeNumber(1, day)
    .default(60)
    .describe('How long another host may be out of reach before a copy to it is broken off and begun anew.'),
  liveMigration,
  pkiDir: path.default('/etc/pki').describe('Where the certificates of this host are, as `novaflow pki issue` lays them out.'),
  runDir: path.default('/run/novaflow').describe('Where a worker notes what it started that outlives it; empty after a boot.'),
  syncPowerStateIntervalSeconds: wholeNumber(1, day)
    .default(600)
    .describe(
      "How often all guests of a host are compared with their records, beside libvirt's events (Nova's `sync_power_state_interval`).",
    ),
  resumeGuestsStateOnHostBoot: flag
    .default(true)
    .describe(
      'Whether guests that ended with their host are started again when it is back (Nova: `resume_guests_state_on_host_boot`, off).',
    ),
  configDriveFormat: oneOf(configDriveFormats)
    .default('iso9660')
    .describe(
      'The file system of the config drives that a compute host makes; vfat is for guests that cannot read a CD. A drive that is a CD-ROM is always ISO 9660.',
    ),
  codec: objectOf({
    keyFile: path
      .nullable()
      .default(null)
      .describe(
        'The keys that encrypt the secrets of requests in histories: `<id> <32 bytes in base64>` a line, the first encrypts, all decrypt; mode 0600. None: secrets are refused.',
      ),
  }),
  slots: objectOf({
    quick: wholeNumber(1, 1000).default(20).describe('Short steps that a compute host does at the same time.'),
    long: wholeNumber(1, 1000).default(4).describe('Copies and conversions that a compute host does at the same time.'),
    watch: wholeNumber(1, 100_000).default(2000).describe('Operations that a control worker watches: as many as may run.'),
  }),
  flavors: z
    .array(flavor, must('a list of flavors'))
    .refine((flavors) => new Set(flavors.map(({ name }) => name)).size === flavors.length, 'must not have two flavors of one name')
    .default([])
    .describe('Flavors beside the built-in ones; one of the same name takes the place of a built-in one.'),
  scheduler,
  notifications,
  drainSeconds: wholeNumber(0, day).default(60).describe('How long a worker that was told to stop waits for its steps to end.'),
  faults: z.string().nullable().default(null).describe('For tests only: the faults that steps raise on purpose.'),
  log: objectOf({
    level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info').describe('The least level that is written.'),
    pretty: oneOf(['auto', 'always', 'never'])
      .default('auto')
      .describe('Lines for people instead of JSON; `auto`: when standard error is a terminal.'),
  }),
})
  .refine(({ imagesType, lvm }) => imagesType !== 'lvm' || lvm.volumeGroup !== null, {
    path: ['lvm', 'volumeGroup'],
    message: 'is required for imagesType lvm',
  })
  .refine(({ imagesType, isolate }) => imagesType !== 'isolate' || isolate.devices.length > 0, {
    path: ['isolate', 'devices'],
    message: 'must have a device for imagesType isolate',
  });

/** The configuration in effect. */
export type Config = z.output<typeof settings>;

/** A single setting: its dotted key, what it may be, and whether it must not be shown. */
export interface Setting {
  readonly key: string;
  readonly schema: z.ZodType;
  readonly isSecret: boolean;
}

/** The settings of a section, those of the sections in it included, in their order. */
export function settingsOf(section: z.ZodObject, prefix = ''): Setting[] {
  return Object.entries(section.shape).flatMap(([name, schema]): Setting[] => {
    const key = `${prefix}${name}`;
    if (schema instanceof z.ZodObject) return settingsOf(schema, `${key}.`);
    if (!(schema instanceof z.ZodType)) throw new TypeError(`${key} is no classic zod schema`);
    return [{ key, schema, isSecret: schema.meta()?.['secret'] === true }];
  });
}

import { describe, expect, test } from 'vitest';
import { baseNameOf } from '../../../src/model/base-name.ts';
import type { PinnedCpus } from '../../../src/model/cpus/placement.ts';
import type { Disk, Instance } from '../../../src/model/instance.ts';
import { compareHost } from '../../../src/model/verify/compare.ts';
import type { HostListing, ListedDevice } from '../../../src/model/verify/listing.ts';
import type { HostScene } from '../../../src/model/verify/scene.ts';
import { single } from '../cpus/hosts.ts';
import {
  after,
  base,
  before,
  host,
  image,
  imageId,
  instance,
  listing,
  network,
  operation,
  otherId,
  otherTap,
  seen,
  tap,
  tidyHost,
  webId,
} from './tidy-host.ts';

/** What is found, without the advice. */
function found(scene: HostScene): readonly string[] {
  return compareHost({ ...scene, why: null }).map(({ kind, host: where, what }) => `${kind} ${where}: ${what}`);
}

function files(changes: Partial<HostListing['instances']>): Partial<HostScene> {
  const tidy = listing();
  return { listing: { ...tidy, instances: { ...tidy.instances, ...changes } } };
}

function filesOfWeb(change: (names: readonly string[]) => readonly string[]): Partial<HostScene> {
  const [web] = listing().instances.perInstance;
  return files({ perInstance: [{ instanceId: webId, files: change(web?.files ?? []) }] });
}

function listed(changes: Partial<HostListing>): Partial<HostScene> {
  return { listing: listing(changes) };
}

const ownDevice: ListedDevice = { path: '/dev/disk/by-id/a', instanceId: webId, disk: 'disk', difference: null };

/** The instance's root disk is a whole device, and the host lists these. */
function onDevice(devices: readonly ListedDevice[]): Partial<HostScene> {
  const tidy = listing();
  const [web] = tidy.instances.perInstance;
  const files = (web?.files ?? []).filter((name) => name !== 'disk');
  const root: Disk = { name: 'disk', target: 'vda', kind: 'isolate', format: 'raw', sizeBytes: 1, device: ownDevice.path, backing: null };
  const disks = [root, ...instance().disks.slice(1)];
  return {
    instances: seen(instance({ disks })),
    listing: { ...tidy, devices, instances: { ...tidy.instances, perInstance: [{ instanceId: webId, files }] } },
  };
}

interface Alone {
  readonly pins?: readonly string[];
  readonly claimed?: readonly number[];
  readonly says?: PinnedCpus;
  readonly dedicated?: readonly number[];
  /** What another guest, of nobody, is pinned to. */
  readonly beside?: readonly string[];
}

/** An instance that has CPUs 4 and 5 for itself by its record, unless that says otherwise. */
function alone({ pins, says = [4, 5], claimed = [4, 5], dedicated = [4, 5, 6], beside }: Alone): Partial<HostScene> {
  const flavor = { ...instance().flavor, extraSpecs: { 'hw:cpu_policy': 'dedicated' } };
  const { inventory, claims } = host();
  const guestCpus = { dedicated: dedicated.map((cpu) => single(0, cpu)), shared: [0] };
  const cpus = { pinned: claimed, withheld: [] };
  const running = { powerState: 'running', blockJobs: [] } as const;
  const own = { ...running, instanceId: webId, ...(pins === undefined ? {} : { pins }) };
  return {
    instances: seen(instance({ flavor, pinnedCpus: says })),
    record: host({ inventory: { ...inventory, guestCpus }, claims: claims.map((claim) => ({ ...claim, cpus })) }),
    ...listed({ domains: [own, ...(beside === undefined ? [] : [{ ...running, instanceId: otherId, pins: beside }])] }),
  };
}

/** An instance that shares CPUs, on a host that shares CPU 0. */
function floating(floatsOver: string | null): Partial<HostScene> {
  const guestCpus = { dedicated: [single(0, 4)], shared: [0] };
  return {
    record: host({ inventory: { ...host().inventory, guestCpus } }),
    ...listed({ domains: [{ instanceId: webId, powerState: 'running', blockJobs: [], pins: [], floatsOver }] }),
  };
}

const [webDomain] = listing().domains;
const off = { domains: [{ instanceId: webId, powerState: 'shutdown', blockJobs: [] }], guests: [] } as const;
const withoutNetwork = { links: [], filterBindings: [] } as const;

test('a host that has what its records account for has no findings', () => {
  expect(found(tidyHost())).toEqual([]);
});

interface Case {
  readonly of: string;
  readonly changes: Partial<HostScene>;
  readonly finds: readonly string[];
}

const cases: readonly Case[] = [
  {
    of: 'a domain that was undefined',
    changes: listed({ domains: [], guests: [], ...withoutNetwork }),
    finds: [`DomainMissing cn1: instance ${webId} has no domain`],
  },
  {
    of: 'a domain of an instance that is on another host',
    changes: {
      instances: seen(instance(), instance({ id: otherId, host: 'cn2' })),
      ...listed({ domains: [...listing().domains, { instanceId: otherId, powerState: 'running', blockJobs: [] }] }),
    },
    finds: [`UnknownDomain cn1: domain of instance ${otherId}, running`],
  },
  {
    of: 'a guest that powered itself off',
    changes: listed({ ...off, ...withoutNetwork }),
    finds: [`PowerStateDiffers cn1: instance ${webId} is shutdown, its record says running`],
  },
  {
    of: 'a guest that is off and left its tap',
    changes: { instances: seen(instance({ powerState: 'shutdown', vmState: 'stopped' })), ...listed(off) },
    finds: [`UnknownTap cn1: device ${tap}`, `UnknownFilterBinding cn1: filter of device ${tap}`],
  },
  {
    of: 'a block job that no operation follows',
    changes: listed({ domains: [{ instanceId: webId, powerState: 'running', blockJobs: [{ disk: 'vda', job: 'copy' }] }] }),
    finds: [`UnknownBlockJob cn1: block copy on disk vda of instance ${webId}`],
  },
  {
    of: 'a QEMU that hangs',
    changes: listed({ domains: [{ instanceId: webId, powerState: 'running', blockJobs: null }] }),
    finds: [`GuestSilent cn1: QEMU of instance ${webId} does not answer`],
  },
  {
    of: 'a file that a killed step left',
    changes: filesOfWeb((names) => [...names, 'config-drive-Ab12']),
    finds: [`UnknownFile cn1: /instances/${webId}/config-drive-Ab12`],
  },
  {
    of: 'what a snapshot left that was terminated',
    changes: filesOfWeb((names) => [...names, 'snapshots']),
    finds: [`UnknownFile cn1: /instances/${webId}/snapshots`],
  },
  { of: 'a console log that was put aside', changes: filesOfWeb((names) => [...names, 'console.log.0']), finds: [] },
  {
    of: 'a kernel that is gone',
    changes: filesOfWeb((names) => names.filter((name) => name !== 'kernel')),
    finds: [`FileMissing cn1: /instances/${webId}/kernel`],
  },
  { of: 'a kernel whose image has no record any more', changes: { images: new Map() }, finds: [] },
  {
    of: 'UEFI variables that are gone',
    changes: { images: new Map([[imageId, image({ properties: { hw_firmware_type: 'uefi' } })]]) },
    finds: [`FileMissing cn1: /instances/${webId}/nvram`],
  },
  {
    of: 'UEFI variables of a guest that starts by BIOS',
    changes: filesOfWeb((names) => [...names, 'nvram']),
    finds: [`UnknownFile cn1: /instances/${webId}/nvram`],
  },
  {
    of: 'a ramdisk that the image does not have',
    changes: filesOfWeb((names) => [...names, 'ramdisk']),
    finds: [`UnknownFile cn1: /instances/${webId}/ramdisk`],
  },
  { of: 'a disk that is a device, and the one that was given', changes: onDevice([ownDevice]), finds: [] },
  {
    of: 'another drive under the path of a device that was given',
    changes: onDevice([{ ...ownDevice, difference: 'its serial is B, not A' }]),
    finds: [`DeviceDiffers cn1: /dev/disk/by-id/a, disk of instance ${webId}`],
  },
  {
    of: 'a disk whose device is nobody’s',
    changes: onDevice([]),
    finds: [`DeviceMissing cn1: /dev/disk/by-id/a, disk of instance ${webId}`],
  },
  {
    of: 'a device of a disk that the record does not have',
    changes: onDevice([ownDevice, { ...ownDevice, path: '/dev/disk/by-id/b', disk: 'disk.local' }]),
    finds: [`UnknownDevice cn1: /dev/disk/by-id/b, disk.local of instance ${webId}`],
  },
  {
    of: 'a device that a deleted instance left unwiped',
    changes: listed({ devices: [{ ...ownDevice, instanceId: otherId }] }),
    finds: [`UnknownDevice cn1: /dev/disk/by-id/a, disk of instance ${otherId}`],
  },
  {
    of: 'a device of an instance that an operation works on',
    changes: { instances: seen(instance({ operation })), ...listed({ devices: [ownDevice] }) },
    finds: [],
  },
  { of: 'an instance without its directory', changes: files({ perInstance: [] }), finds: [`FileMissing cn1: /instances/${webId}`] },
  {
    of: 'the tombstone of an instance that nobody asked about',
    changes: files({ perInstance: [...listing().instances.perInstance, { instanceId: otherId, files: ['generation', 'lock'] }] }),
    finds: [],
  },
  {
    of: 'files of an instance that another host shares the directory with',
    changes: {
      instances: seen(instance(), instance({ id: otherId, host: 'cn2' })),
      ...files({ sharers: ['cn1', 'cn2'], perInstance: [...listing().instances.perInstance, { instanceId: otherId, files: ['disk'] }] }),
    },
    finds: [],
  },
  {
    of: 'a stray file in a directory that hosts share',
    changes: files({ sharers: ['cn1', 'cn2'], others: ['backup'] }),
    finds: ['UnknownFile null: /instances/backup'],
  },
  { of: 'the root of a file system', changes: files({ others: ['lost+found'] }), finds: [] },
  { of: 'a base that is gone', changes: files({ bases: [] }), finds: [`FileMissing cn1: /instances/_base/${base}`] },
  { of: 'a base without its checksum', changes: files({ bases: [base] }), finds: [`FileMissing cn1: /instances/_base/${base}.checksum`] },
  {
    of: 'a base that was half fetched',
    changes: files({ bases: [base, `${base}.checksum`, `${base}.part`] }),
    finds: [`UnknownFile cn1: /instances/_base/${base}.part`],
  },
  {
    of: 'overlays that disks of the image are copied from',
    changes: files({ bases: [base, `${base}.checksum`, `${base}.grown`] }),
    finds: [],
  },
  {
    of: 'a base that an operation brings to hosts',
    changes: { ...files({ bases: [...listing().instances.bases, `${baseNameOf(otherId)}.part`] }), caching: new Set([otherId]) },
    finds: [],
  },
  {
    of: 'a base of a deleted image that goes with its age',
    changes: files({ bases: [...listing().instances.bases, baseNameOf(otherId), `${baseNameOf(otherId)}.checksum`] }),
    finds: [],
  },
  {
    of: 'a lock of a fetch that failed, whose image is deleted',
    changes: files({ bases: [...listing().instances.bases, `${baseNameOf(otherId)}.lock`] }),
    finds: [],
  },
  {
    of: 'a base whose removal was killed',
    changes: files({ bases: [...listing().instances.bases, `${baseNameOf(otherId)}.aged`] }),
    finds: [`UnknownFile cn1: /instances/_base/${baseNameOf(otherId)}.aged`],
  },
  {
    of: 'a base whose conversion was killed',
    changes: files({ bases: [base, `${base}.checksum`, `${base}.converted`] }),
    finds: [`UnknownFile cn1: /instances/_base/${base}.converted`],
  },
  {
    of: 'a base of an image that is no more',
    changes: files({ bases: [...listing().instances.bases, baseNameOf(otherId)] }),
    finds: [`UnknownFile cn1: /instances/_base/${baseNameOf(otherId)}`],
  },
  {
    of: 'who acted last on an image of the store, whether it is there or not, and the root of its file system',
    changes: listed({
      store: {
        directory: '/store',
        files: [
          ...listing().store.files,
          `${imageId}.lock`,
          `${imageId}.generation`,
          `${otherId}.lock`,
          `${otherId}.generation`,
          'lost+found',
        ],
      },
    }),
    finds: [],
  },
  {
    of: 'an image that the store lost',
    changes: listed({ store: { directory: '/store', files: listing().store.files.filter((name) => name !== imageId) } }),
    finds: [`FileMissing cn1: /store/${imageId}`],
  },
  {
    of: 'a file in the store of an import that was terminated',
    changes: {
      imageStatus: new Map([...tidyHost().imageStatus, [otherId, 'killed']]),
      ...listed({ store: { directory: '/store', files: [...listing().store.files, `${otherId}.part`] } }),
    },
    finds: [`UnknownFile null: /store/${otherId}.part`],
  },
  {
    of: 'an image that is being imported',
    changes: {
      imageStatus: new Map([...tidyHost().imageStatus, [otherId, 'saving']]),
      ...listed({ store: { directory: '/store', files: [...listing().store.files, `${otherId}.part`] } }),
    },
    finds: [],
  },
  {
    of: 'a tap of nobody',
    changes: listed({ links: [...listing().links, { name: otherTap, master: 'br-lab' }] }),
    finds: [`UnknownTap cn1: device ${otherTap}`],
  },
  {
    of: 'a tap of another cloud',
    changes: listed({ links: [...listing().links, { name: 'tap1234abcd-ef', master: 'br-int' }] }),
    finds: [],
  },
  { of: 'a tap that is gone', changes: listed({ links: [] }), finds: [`TapMissing cn1: device ${tap} of instance ${webId}`] },
  {
    of: 'a tap in another bridge',
    changes: listed({ links: [{ name: tap, master: 'br-other' }] }),
    finds: [`TapDiffers cn1: device ${tap} of instance ${webId} is a port of br-other, network default is on br-lab`],
  },
  {
    of: 'a filter that is gone',
    changes: listed({ filterBindings: [] }),
    finds: [`FilterBindingMissing cn1: device ${tap} of instance ${webId} has no filter`],
  },
  {
    of: 'a loop device',
    changes: listed({ loopDevices: [{ device: '/dev/loop3', file: `/instances/${webId}/disk` }] }),
    finds: [`UnknownLoopDevice cn1: /dev/loop3 on /instances/${webId}/disk`],
  },
  {
    of: 'a QEMU that libvirt lost',
    changes: { instances: seen(instance({ powerState: 'shutdown' })), ...listed({ domains: off.domains, ...withoutNetwork }) },
    finds: [`UnknownProcess cn1: QEMU of instance ${webId}, pid 100`],
  },
  {
    of: 'a command that works for nobody',
    changes: listed({ tools: [{ pid: 7, name: 'qemu-img', files: [`/instances/${webId}/disk`] }] }),
    finds: [`UnknownProcess cn1: qemu-img, pid 7, on /instances/${webId}/disk`],
  },
  {
    of: 'a transfer that nobody is at',
    changes: listed({ transfers: [{ instanceId: webId, files: ['disk.pid', 'disk.receiver'] }] }),
    finds: [`UnknownProcess cn1: a transfer of instance ${webId}: disk.pid, disk.receiver`],
  },
  {
    of: 'an instance without a claim',
    changes: { record: host({ claims: [] }) },
    finds: [`ClaimMissing cn1: instance ${webId} has no claim`],
  },
  {
    of: 'a claim of an instance that is no more',
    changes: { record: host({ claims: [...host().claims, { id: otherId, instanceId: otherId, vcpus: 2, memoryMiB: 3, diskGiB: 4 }] }) },
    finds: [`UnknownClaim cn1: claim ${otherId} of instance ${otherId}: 2 vCPUs, 3 MiB memory, 4 GiB disk`],
  },
  {
    of: 'a claim that stands for what the host owes',
    changes: {
      record: host({
        claims: [...host().claims, { id: `debt/${otherId}`, instanceId: otherId, vcpus: 2, memoryMiB: 3, diskGiB: 4 }],
        debts: [{ instanceId: otherId, what: 'remove the instance', since: before }],
      }),
    },
    finds: [],
  },
  {
    of: 'a second claim',
    changes: { record: host({ claims: [...host().claims, { id: 'second', instanceId: webId, vcpus: 1, memoryMiB: 64, diskGiB: 1 }] }) },
    finds: [`UnknownClaim cn1: claim second of instance ${webId}: 1 vCPUs, 64 MiB memory, 1 GiB disk`],
  },
  {
    of: 'a claim that is larger than the flavor',
    changes: { record: host({ claims: [{ id: webId, instanceId: webId, vcpus: 2, memoryMiB: 64, diskGiB: 1 }] }) },
    finds: [`ClaimDiffers cn1: claim ${webId} of instance ${webId}: 2 vCPUs, 64 MiB memory, 1 GiB disk`],
  },
  {
    of: "a claim for a root disk of the image's own size",
    changes: {
      instances: seen(instance({ flavor: { ...instance().flavor, rootGiB: 0 } })),
      images: new Map([[imageId, image({ virtualSizeBytes: 5 })]]),
    },
    finds: [],
  },
  {
    of: 'a guest that is on the CPUs that it has for itself',
    changes: alone({ pins: ['4', '5'] }),
    finds: [],
  },
  {
    of: 'a guest that somebody moved to other CPUs',
    changes: alone({ pins: ['4', '0-7'] }),
    finds: [`PinningDiffers cn1: the vCPUs of instance ${webId} are pinned to 4 0-7, its record says 4 5`],
  },
  {
    of: 'a guest that lost its CPUs',
    changes: alone({ pins: [] }),
    finds: [`PinningDiffers cn1: the vCPUs of instance ${webId} are pinned to nothing, its record says 4 5`],
  },
  {
    of: 'a guest that somebody pinned though it shares CPUs',
    changes: listed({ domains: [{ instanceId: webId, powerState: 'running', blockJobs: [], pins: ['3'] }] }),
    finds: [`PinningDiffers cn1: the vCPUs of instance ${webId} are pinned to 3, its record says nothing`],
  },
  {
    of: 'a host whose worker does not tell pins yet',
    changes: alone({}),
    finds: [],
  },
  {
    of: 'a record that says other CPUs than its claim',
    changes: alone({ pins: ['4', '5'], claimed: [4, 6] }),
    finds: [`PinningDiffers cn1: the record of instance ${webId} says CPUs 4-5, its claim CPUs 4,6`],
  },
  {
    of: 'CPUs that the host does not set apart any more',
    changes: alone({ pins: ['4', '5'], dedicated: [5, 6] }),
    finds: [`PinningDiffers cn1: instance ${webId} has CPU 4 for itself, which the host does not set apart`],
  },
  {
    of: 'a guest with a CPU for one of its vCPUs, whose others are on those that are shared',
    changes: alone({ pins: ['0', '5'], says: [null, 5], claimed: [5] }),
    finds: [],
  },
  {
    of: 'one whose others are not',
    changes: alone({ pins: ['6', '5'], says: [null, 5], claimed: [5] }),
    finds: [`PinningDiffers cn1: the vCPUs of instance ${webId} are pinned to 6 5, its record says 0 5`],
  },
  {
    of: 'a guest that floats over the CPUs that its host shares',
    changes: floating('0'),
    finds: [],
  },
  {
    of: 'a guest that was defined before its host set CPUs apart',
    changes: floating(null),
    finds: [`PinningDiffers cn1: instance ${webId} floats over all CPUs, its host shares CPU 0`],
  },
  {
    of: 'a guest that was defined when its host shared others',
    changes: floating('0-5'),
    finds: [`PinningDiffers cn1: instance ${webId} floats over CPUs 0-5, its host shares CPU 0`],
  },
  {
    of: 'a CPU that two guests have',
    changes: alone({ pins: ['4', '5'], beside: ['5'] }),
    finds: [
      `UnknownDomain cn1: domain of instance ${otherId}, running`,
      `PinningDiffers cn1: CPU 5 has vCPUs of instances ${webId} and ${otherId}`,
    ],
  },
  {
    of: 'an address that was given back',
    changes: { networks: new Map([['default', network({ ports: [] })]]) },
    finds: [`AddressMissing cn1: 10.0.0.5 of instance ${webId} is not in network default`],
  },
  {
    of: 'an address that the instance does not use',
    changes: {
      networks: new Map([
        ['default', network({ ports: [...network().ports, { id: 'port-2', owner: webId, mac: 'fa:16:3e:00:00:02', ip: '10.0.0.6' }] })],
      ]),
    },
    finds: [`UnknownAddress cn1: 10.0.0.6 of network default, owner ${webId}`],
  },
  {
    of: 'a host that answers and is down in its record',
    changes: { record: host({ state: 'down', downReason: 'unheard' }) },
    finds: ['HostStateDiffers cn1: host cn1 is down in its record'],
  },
];

describe('compareHost', () => {
  test.for(cases)('says of $of what is wrong with it', ({ changes, finds }) => {
    expect(found(tidyHost(changes))).toEqual(finds);
  });

  /** As much wrong as one instance can be: nothing of it is where the record has it. */
  const wrecked: Partial<HostListing> = {
    domains: [{ instanceId: webId, powerState: 'paused', blockJobs: [{ disk: 'vda', job: 'copy' }] }],
    instances: {
      ...listing().instances,
      perInstance: [{ instanceId: webId, files: ['disk.partial', 'lock'] }],
      bases: [`${base}.part`, `${base}.lock`],
    },
    filterBindings: [],
    tools: [
      { pid: 7, name: 'qemu-img', files: [`/instances/${webId}/disk.partial`] },
      { pid: 8, name: 'flock', files: [`/instances/_base/${base}.lock`] },
    ],
  };

  test('finds much wrong with an instance that nobody works on', () => {
    expect(found(tidyHost({ record: host({ claims: [] }), ...listed(wrecked) })).length).toBeGreaterThan(10);
  });

  test.for<[string, Partial<Instance>]>([
    ['is in the hands of an operation', { operation }],
    [
      'waits for the decision of an operation that let go',
      { open: { workflowId: 'resize', runId: 'run-2', type: 'resizeInstance', until: null } },
    ],
    ['was changed after the listing began', { updatedAt: after }],
    ['is deleted after the listing began', { vmState: 'deleted', host: null, updatedAt: after }],
  ])('does not judge an instance that %s', ([, changes]) => {
    expect(found(tidyHost({ instances: seen(instance(changes)), record: host({ claims: [] }), ...listed(wrecked) }))).toEqual([]);
  });

  const last = {
    workflowId: 'migrate',
    runId: 'run-1',
    type: 'liveMigrateInstance',
    userId: 'op',
    startedAt: before,
    endedAt: before,
    steps: [],
  };

  test.for<[string, Partial<Instance>]>([
    ['here', {}],
    ['on its way from another host', { host: 'cn2', recent: [{ ...last, end: 'terminated' }] }],
  ])('leaves what a terminated operation left %s to the delete, but not its processes', ([, where]) => {
    const broken = instance({ vmState: 'error', powerState: 'nostate', disks: [], ports: [], ...where });
    const scene = tidyHost({
      instances: seen(broken),
      ...listed({ ...withoutNetwork, tools: wrecked.tools ?? [], domains: webDomain === undefined ? [] : [webDomain] }),
    });
    expect(found(scene)).toEqual([
      `UnknownProcess cn1: qemu-img, pid 7, on /instances/${webId}/disk.partial`,
      `UnknownProcess cn1: flock, pid 8, on /instances/_base/${base}.lock`,
    ]);
  });

  test('compares the records of a silent host with one another', () => {
    const { listing: _listing, ...scene } = tidyHost({ record: host({ claims: [], state: 'down', downReason: 'unheard for 10 s' }) });
    const findings = compareHost({ ...scene, listing: null, why: 'it takes no work' });
    expect(findings.map(({ kind, host: where }) => [kind, where])).toEqual([
      ['HostSilent', 'cn1'],
      ['ClaimMissing', 'cn1'],
    ]);
    expect(findings[0]?.likelyCause).toBe('it takes no work; its record says down: unheard for 10 s');
  });

  test('says that a run which has closed still holds an instance', () => {
    const held = instance({ operation });
    const scene = tidyHost({ instances: new Map([[webId, { instance: held, isHolderOpen: false }]]) });
    expect(found(scene)).toEqual([`ClosedHolder cn1: instance ${webId} is held by buildInstance build/web, run run-1, which has closed`]);
  });
});

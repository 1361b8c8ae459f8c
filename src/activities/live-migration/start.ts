import { DomainMigrate, DomainXml, type Libvirt, type TypedParam } from '../../libvirt/index.ts';
import type { PinnedCpus } from '../../model/cpus/placement.ts';
import { downtimeSteps } from '../../model/live-migration/downtime.ts';
import { type DiskPassage, migrationFlags } from '../../model/live-migration/flags.ts';
import { migratableXml } from '../../model/live-migration/migratable-xml.ts';
import type { MigrationPolicy } from '../../model/live-migration/policy.ts';
import { urlHost } from '../../model/url-host.ts';

/** Where a guest is to go, as its destination says. */
export interface MigrationTarget {
  /** How the source's libvirtd reaches the destination's. */
  readonly uri: string;
  /** Where the destination's QEMU takes memory and disks. */
  readonly address: string;
  /** Where the guest's screens are listened for there. */
  readonly listenAddress: string;
  readonly instancesDir: string;
  /** The CPUs over which guests without their own float there; absent: all of them. */
  readonly sharedCpus?: readonly number[];
}

/** What is moved, and how. */
export interface Passage extends DiskPassage {
  readonly target: MigrationTarget;
  /** The disks that QEMU copies, by the guest's name of them. */
  readonly disks: readonly string[];
  /** Those among them that stand on nothing at the destination. */
  readonly wholeDisks: readonly string[];
  /** The block devices that disks are at the destination, by the guest's name of them. Absent in runs of before there could be. */
  readonly devices?: Readonly<Record<string, string>>;
  /** Where each vCPU of the guest runs there. Absent of one that has no CPU for itself. */
  readonly pinnedCpus?: PinnedCpus;
  readonly policy: MigrationPolicy;
}

/** Begins a migration; the promise is libvirt's answer, which comes with its end. */
export async function startMigration(
  libvirt: Libvirt,
  uuid: string,
  passage: Passage,
  instancesDir: string,
): Promise<{ readonly answer: Promise<unknown> }> {
  const dom = { uuid };
  const { policy, target, disks, wholeDisks, devices = {}, pinnedCpus } = passage;
  const changes = {
    listenAddress: target.listenAddress,
    instancesDir: { source: instancesDir, destination: target.instancesDir },
    wholeDisks,
    devices,
    cpus:
      pinnedCpus === undefined && target.sharedCpus === undefined ? null : { pinned: pinnedCpus ?? null, shared: target.sharedCpus ?? [] },
  };
  const xml = async (flags: number) =>
    migratableXml(await libvirt.domainGetXmlDesc({ dom, flags: flags | DomainXml.migratable | DomainXml.secure }), changes);
  const [live, persistent] = [await xml(0), await xml(DomainXml.inactive)];
  const [first] = downtimeSteps(policy.downtime);
  if (first !== undefined) await libvirt.domainMigrateSetMaxDowntime({ dom, downtimeMs: BigInt(first.downtimeMs) });
  const answer = libvirt.domainMigratePerform3Params({
    dom,
    destinationUri: target.uri,
    params: [
      text('migrate_uri', migrateUri(target.address)),
      text('destination_xml', live),
      text('persistent_xml', persistent),
      ...disks.map((disk) => text('migrate_disks', disk)),
      ...tuning(policy),
    ],
    cookie: Buffer.alloc(0),
    flags: flagsOf(migrationFlags(policy, passage)),
  });
  answer.catch(() => undefined); // who follows it hears it
  return { answer };
}

/** Takes up a post-copy that broke off. */
export async function resumePostCopy(libvirt: Libvirt, uuid: string, passage: Passage): Promise<unknown> {
  const { policy, target } = passage;
  return libvirt.domainMigratePerform3Params({
    dom: { uuid },
    destinationUri: target.uri,
    params: [text('migrate_uri', migrateUri(target.address))],
    cookie: Buffer.alloc(0),
    flags: flagsOf(migrationFlags(policy, passage, true)),
  });
}

/** What QEMU connects to: libvirt chooses the port at the destination. */
export function migrateUri(address: string): string {
  return `tcp://${urlHost(address)}`;
}

/** The flags as libvirt's number. */
export function flagsOf(names: ReturnType<typeof migrationFlags>): number {
  return names.reduce((flags, name) => flags | DomainMigrate[name], 0);
}

function tuning({ bandwidthMiBps, parallelConnections, compression }: MigrationPolicy): readonly TypedParam[] {
  return [
    ...(bandwidthMiBps === 0 ? [] : [{ field: 'bandwidth', type: 'ullong', value: BigInt(bandwidthMiBps) } as const]),
    ...(parallelConnections === 1 ? [] : [{ field: 'parallel.connections', type: 'int', value: parallelConnections } as const]),
    ...(compression === 'none' ? [] : [text('compression', compression)]),
  ];
}

function text(field: string, value: string): TypedParam {
  return { field, type: 'string', value };
}

import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepCapabilities, seedCapabilities } from './capabilities-cache.ts';
import { down } from './down.ts';
import { bootHost } from './host/boot.ts';
import { isAnswering } from './host/libvirtd.ts';
import { hostDirs, prepareHost } from './host/prepare.ts';
import { makeInstancesDisk } from './instances-disk.ts';
import { describeLab, type Lab, sharedDirOf } from './lab-description.ts';
import { checkLabName, dataDirOf, hostName, stateDirOf, stateRoot } from './names.ts';
import { noteNetnsRoot } from './netns-root.ts';
import { issueCertificate, makeLabAuthority } from './pki.ts';
import { notePkiRoot } from './pki-root.ts';
import { isAlive, readProcess } from './proc.ts';
import { type HostState, type LabState, readState, writeState } from './state.ts';
import { addressIn, chooseSubnets } from './subnets.ts';
import { layWires } from './wires.ts';

/** What a lab shall be. */
export interface LabRequest {
  readonly name: string;
  /** How many hosts; 2 without it. */
  readonly hosts?: number;
  /** Whether all hosts have one instances directory; each has its own without it. */
  readonly shared?: boolean;
  /** Size of an ext4 file system to hold the instances; without it they lie on the machine's own disk, and cannot lose power. */
  readonly instancesSizeMiB?: number;
  /** The host whose QEMU runs as user libvirt-qemu; without it the last of several. */
  readonly nonRootHost?: string;
  /** Stops the work; what was made is taken down again. */
  readonly signal?: AbortSignal;
}

/**
 * Brings a lab up, each host's libvirtd answering. A healthy lab of that name is returned as it is, what is left of a broken one is taken down first.
 * What fails or is aborted half-way leaves nothing; what is killed half-way is removed by `down`, or by the next `up`.
 */
export async function up(request: LabRequest): Promise<Lab> {
  checkLabName(request.name);
  if (process.getuid?.() !== 0) throw new Error('a lab needs root: it makes network namespaces and mounts');
  const existing = await healthyLab(request);
  if (existing !== null) return existing;
  await down(request.name);
  await claimName(request.name);
  try {
    return await make(await plan(request), request.signal);
  } catch (error) {
    await down(request.name);
    throw error;
  }
}

async function healthyLab(request: LabRequest): Promise<Lab | null> {
  const state = await readState(request.name);
  if (state === null) return null;
  if (state.phase === 'making') {
    if (isAlive(state.maker)) throw new Error(`lab ${request.name} is being brought up by process ${state.maker.pid}`);
    return null;
  }
  const lab = describeLab(state);
  if (!(await Promise.all(lab.hosts.map(isAnswering))).every(Boolean)) return null;
  if (isAsAsked(state, request)) return lab;
  throw new Error(`there is another lab ${request.name}, of ${state.hosts.length} hosts: take it down first, or choose another name`);
}

function isAsAsked(
  state: LabState,
  { hosts = 2, shared = false, instancesSizeMiB = null }: { [K in keyof LabRequest]?: LabRequest[K] | null },
): boolean {
  return state.hosts.length === hosts && state.shared === shared && state.instancesSizeMiB === instancesSizeMiB;
}

/** Of two programs that bring up one lab at the same time, the second fails here. */
async function claimName(lab: string): Promise<void> {
  const error: NodeJS.ErrnoException | null = await mkdir(stateDirOf(lab)).then(
    () => null,
    (cause) => cause,
  );
  if (error === null) return;
  if (error.code === 'EEXIST') throw new Error(`lab ${lab} is being brought up by another process`, { cause: error });
  if (error.code !== 'ENOENT') throw error;
  // There is no lab yet, or the last one removed the root a moment ago.
  await mkdir(stateRoot, { recursive: true });
  await claimName(lab);
}

async function plan(request: LabRequest): Promise<LabState> {
  const { name, hosts = 2, shared = false, instancesSizeMiB = null, nonRootHost = hosts > 1 ? hostName(hosts) : null } = request;
  if (!Number.isInteger(hosts) || hosts < 1 || hosts > 200) throw new Error(`a lab has 1 to 200 hosts, not ${hosts}`);
  const self = readProcess(process.pid);
  const { management, provider } = await chooseSubnets(name);
  const state: LabState = {
    name,
    phase: 'making',
    maker: { pid: process.pid, startTicks: self?.startTicks ?? 0 },
    managementCidr: management,
    gateway: addressIn(management, 1),
    providerCidr: provider,
    providerGateway: addressIn(provider, 1),
    shared,
    instancesSizeMiB,
    hosts: Array.from({ length: hosts }, (_, index) => planHost(index + 1, management, nonRootHost)),
  };
  await writeState(state);
  return state;
}

function planHost(n: number, management: string, nonRootHost: string | null): HostState {
  const name = hostName(n);
  return { name, address: addressIn(management, 10 + n), uuid: randomUUID(), qemuUser: name === nonRootHost ? 'libvirt-qemu' : 'root' };
}

async function make(state: LabState, signal?: AbortSignal): Promise<Lab> {
  // What a lab of this name left before the machine was booted is of no use.
  await rm(dataDirOf(state.name), { recursive: true, force: true });
  await mkdir(sharedDirOf(state.name), { recursive: true });
  await writeFile(join(dataDirOf(state.name), 'hosts'), hostsFile(state));
  await noteNetnsRoot();
  await notePkiRoot();
  await Promise.all([layWires(state), makeLabAuthority(state.name)]);
  for (const host of state.hosts) {
    await prepareHost(state, host);
    await makeInstancesDisk(state, host.name);
  }
  await allEnded(state.hosts.map((host) => issueCertificate(state.name, host))); // libvirtd listens on TLS with them
  await bootHosts(state, signal);
  await writeState({ ...state, phase: 'up' });
  return describeLab(state);
}

async function bootHosts(state: LabState, signal?: AbortSignal): Promise<void> {
  const alike = Map.groupBy(state.hosts, ({ qemuUser }) => qemuUser);
  await allEnded([...alike.values()].map((hosts) => bootAlikeHosts(state, hosts, signal)));
}

/** Boots hosts whose libvirt learns the same of QEMU; where nothing is known yet, the first one learns it for all. */
async function bootAlikeHosts(state: LabState, hosts: readonly HostState[], signal?: AbortSignal): Promise<void> {
  const [first, ...others] = hosts;
  if (first === undefined || (await seed(state, first))) return bootSeeded(state, hosts, signal);
  await bootHost(state, first, signal);
  await keepCapabilities(hostDirs(state.name, first.name).cache, first.qemuUser);
  return bootSeeded(state, others, signal);
}

async function bootSeeded(state: LabState, hosts: readonly HostState[], signal?: AbortSignal): Promise<void> {
  await allEnded(
    hosts.map(async (host) => {
      await seed(state, host);
      await bootHost(state, host, signal);
    }),
  );
}

function seed(state: LabState, host: HostState): Promise<boolean> {
  return seedCapabilities(hostDirs(state.name, host.name).cache, host.qemuUser);
}

/** Waits for all, failed or not, and then raises the first error: nothing may be made any more when what was made is taken down. */
async function allEnded(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((work) => work.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function hostsFile(state: LabState): string {
  const lines = state.hosts.map(({ address, name }) => `${address} ${name}`);
  return `${['127.0.0.1 localhost', '::1 localhost', ...lines].join('\n')}\n`;
}

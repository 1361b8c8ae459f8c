import type { LabHost } from './lab-description.ts';
import { labVariable } from './names.ts';
import { allProcesses, commandOf, innerPidOf, namespaceOf } from './proc.ts';
import { type HostProcess, notedProcesses, noteProcess } from './processes.ts';
import { launch, run } from './run.ts';
import { until } from './wait.ts';

/** The role of a host's process 1. */
export const initRole = 'init';

/** How a process is started inside a host. */
export interface SpawnOptions {
  /** What it is in the lab's listing; its first argument without it. */
  readonly role?: string;
  /** Variables beside the caller's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory inside the host; `/` without it. */
  readonly cwd?: string;
  /** A file of the machine to which standard output and errors are appended; they are discarded without it. */
  readonly logFile?: string;
}

/**
 * Starts a process inside a host, in a session of its own; it outlives the caller, and it and its children end with the host.
 * Returns once it runs; raises an error when it ended at once.
 */
export async function spawnInHost(host: LabHost, argv: readonly string[], options: SpawnOptions = {}): Promise<HostProcess> {
  const { role = argv[0] ?? '', env, ...rest } = options;
  const init = await initOf(host);
  const innerPid = await launch(argv, { ...rest, under: enter(init), env: { ...env, [labVariable]: host.lab } });
  const entry = everyProcessIn(init).find(({ pid }) => innerPidOf(pid) === innerPid);
  if (entry === undefined)
    throw new Error(`"${argv.join(' ')}" ended at once on ${host.name}${rest.logFile === undefined ? '' : `: see ${rest.logFile}`}`);
  const process = { pid: entry.pid, startTicks: entry.startTicks, role, host: host.name, command: argv.join(' ') };
  await noteProcess(host.lab, process);
  return process;
}

/** Runs a command inside a host to its end and returns its standard output; raises an error when it fails. */
export async function runInHost(host: LabHost, argv: readonly string[]): Promise<string> {
  const [file = 'true', ...args] = [...enter(await initOf(host)), ...argv];
  return run(file, args, { env: { [labVariable]: host.lab } });
}

/** Everything that runs in a host now: its QEMUs and what they were started by, noted in the lab or not. Empty when the host is down. */
export async function processesOf(host: LabHost): Promise<HostProcess[]> {
  const noted = await notedProcesses(host.lab);
  const init = noted.find((process) => process.host === host.name && process.role === initRole);
  if (init === undefined) return [];
  return everyProcessIn(init).map(({ pid, startTicks }) => {
    const command = commandOf(pid);
    const note = noted.find((process) => process.pid === pid && process.startTicks === startTicks);
    return note ?? { pid, startTicks, role: command.split(' ')[0] ?? '', host: host.name, command };
  });
}

/** Notes process 1 of a host that has just been started by `starter`, the process outside that made its namespaces. */
export async function noteInit(host: Pick<LabHost, 'lab' | 'name'>, starter: number): Promise<void> {
  const init = await until(() => allProcesses().find(({ parent }) => parent === starter) ?? null, {
    what: `process 1 of ${host.name}`,
    timeoutMs: 5000,
  });
  await noteProcess(host.lab, { pid: init.pid, startTicks: init.startTicks, role: initRole, host: host.name, command: 'tini' });
}

async function initOf(host: LabHost): Promise<HostProcess> {
  const init = (await notedProcesses(host.lab)).find((process) => process.host === host.name && process.role === initRole);
  if (init === undefined) throw new Error(`host ${host.name} of lab ${host.lab} is down`);
  return init;
}

function enter(init: HostProcess): string[] {
  return ['nsenter', '--target', String(init.pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--'];
}

function everyProcessIn(init: Pick<HostProcess, 'pid'>): ReturnType<typeof allProcesses> {
  const namespace = namespaceOf(init.pid, 'pid');
  return allProcesses().filter(({ pid, state }) => state !== 'Z' && namespace !== null && namespaceOf(pid, 'pid') === namespace);
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process as `/proc` shows it. `startTicks` (field 22 of `stat`) tells it from a later process with the same pid. */
export interface ProcEntry {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly startTicks: number;
}

/** The process with this pid, or null when there is none. */
export function readProcess(pid: number): ProcEntry | null {
  const stat = readProcFile(pid, 'stat');
  if (stat === null) return null;
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, state: fields[0] ?? '?', parent: Number(fields[1]), startTicks: Number(fields[19]) };
}

/** All processes of the machine, those of all hosts included. */
export function allProcesses(): ProcEntry[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => readProcess(Number(entry)))
    .filter((process) => process !== null);
}

/** Whether exactly this process still runs; one that only waits to be reaped does not. */
export function isAlive(process: { readonly pid: number; readonly startTicks: number }): boolean {
  const now = readProcess(process.pid);
  return now !== null && now.startTicks === process.startTicks && now.state !== 'Z' && now.state !== 'X';
}

/** The command line with spaces between its arguments; empty for a zombie, a kernel thread or a process that has gone. */
export function commandOf(pid: number): string {
  return (readProcFile(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim();
}

/** One variable of the environment that the process was started with, or null. */
export function variableOf(pid: number, name: string): string | null {
  const entry = (readProcFile(pid, 'environ') ?? '').split('\0').find((line) => line.startsWith(`${name}=`));
  return entry === undefined ? null : entry.slice(name.length + 1);
}

/** The identity of a namespace of a process, such as `pid:[4026532281]`, or null when the process has gone. */
export function namespaceOf(pid: number, kind: 'pid' | 'net' | 'mnt'): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return null;
  }
}

/** The pid of a process as it is seen inside its own pid namespace. */
export function innerPidOf(pid: number): number | null {
  const line = /^NSpid:\s+(.*)$/m.exec(readProcFile(pid, 'status') ?? '')?.[1];
  const innermost = line?.split(/\s+/).at(-1);
  return innermost === undefined ? null : Number(innermost);
}

function readProcFile(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}

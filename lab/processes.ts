import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { stateDirOf } from './names.ts';
import { isAlive } from './proc.ts';
import { until } from './wait.ts';

const hostProcess = z.strictObject({
  pid: z.number(),
  startTicks: z.number(),
  role: z.string(),
  host: z.string().nullable(),
  command: z.string(),
});

/** A process of a lab. Its pid is the machine's (inside the host it has another), `startTicks` tells it from a later one; `host` is null for the lab's own. */
export type HostProcess = z.infer<typeof hostProcess>;

/** Notes a process in the lab's state, a file each, so that several programs can add to one lab at the same time. */
export async function noteProcess(lab: string, process: HostProcess): Promise<void> {
  const dir = processesDir(lab);
  await mkdir(dir, { recursive: true });
  const file = join(dir, `${process.pid}.json`);
  await writeFile(`${file}.partial`, JSON.stringify(process));
  await rename(`${file}.partial`, file);
}

/** The processes noted in a lab that still run; notes of those that ended are removed. */
export async function notedProcesses(lab: string): Promise<HostProcess[]> {
  const files = await readdir(processesDir(lab)).catch(() => []);
  const noted = await Promise.all(files.filter((file) => file.endsWith('.json')).map((file) => readNote(lab, file)));
  return noted.filter((process) => process !== null);
}

async function readNote(lab: string, file: string): Promise<HostProcess | null> {
  const path = join(processesDir(lab), file);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  const process = hostProcess.parse(JSON.parse(text));
  if (isAlive(process)) return process;
  await rm(path, { force: true });
  return null;
}

/** Whether exactly this process still runs. */
export function isRunning(process: HostProcess): boolean {
  return isAlive(process);
}

/** Sends a signal to exactly this process; false when it has gone. */
export function signalProcess(target: Pick<HostProcess, 'pid' | 'startTicks'>, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch {
    return false;
  }
}

/** Returns once the process has ended. */
export async function whenEnded(process: Pick<HostProcess, 'pid' | 'startTicks'>, timeoutMs = 10_000): Promise<void> {
  await until(() => (isAlive(process) ? null : true), { what: `the end of process ${process.pid}`, timeoutMs });
}

function processesDir(lab: string): string {
  return join(stateDirOf(lab), 'processes');
}

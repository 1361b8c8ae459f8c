import type { Lab } from './lab-description.ts';
import { labVariable } from './names.ts';
import { readProcess } from './proc.ts';
import { type HostProcess, noteProcess } from './processes.ts';
import { launch } from './run.ts';

/** Starts a process of a lab's on the machine itself, outside all hosts; it outlives the caller and ends with the lab. */
export async function spawnOnMachine(
  { name }: Pick<Lab, 'name'>,
  argv: readonly string[],
  { role, env = {}, logFile }: { role: string; env?: Readonly<Record<string, string>>; logFile: string },
): Promise<HostProcess> {
  const pid = await launch(argv, { env: { ...env, [labVariable]: name }, logFile });
  const startTicks = readProcess(pid)?.startTicks;
  if (startTicks === undefined) throw new Error(`"${argv.join(' ')}" ended at once: see ${logFile}`);
  const spawned = { pid, startTicks, role, host: null, command: argv.join(' ') };
  await noteProcess(name, spawned);
  return spawned;
}

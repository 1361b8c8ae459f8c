import { statSync } from 'node:fs';
import { labVariable } from './names.ts';
import { allProcesses, isAlive, namespaceOf, type ProcEntry, variableOf } from './proc.ts';
import { notedProcesses, signalProcess } from './processes.ts';
import { until } from './wait.ts';
import { netnsNamesOf } from './wires.ts';

/** Kills all processes of a lab, noted or not, and returns when none is left. */
export async function endProcessesOfLab(lab: string): Promise<void> {
  await until(
    async () => {
      const left = await processesOfLab(lab);
      for (const process of left) signalProcess(process, 'SIGKILL');
      return left.length === 0 ? true : null;
    },
    { what: `the end of all processes of lab ${lab}`, timeoutMs: 20_000 },
  );
}

/** All living processes of a lab: those noted, those marked by its variable, and those in its network namespaces (QEMU, which loses the mark). */
export async function processesOfLab(lab: string): Promise<ProcEntry[]> {
  const noted = new Set((await notedProcesses(lab)).map(({ pid }) => pid));
  const namespaces = new Set((await netnsNamesOf(lab)).map(netnsIdentity));
  const callers = selfAndAncestors();
  return allProcesses().filter((process) => {
    const { pid } = process;
    if (callers.has(pid) || !isAlive(process)) return false;
    return noted.has(pid) || variableOf(pid, labVariable) === lab || namespaces.has(namespaceOf(pid, 'net') ?? '');
  });
}

function netnsIdentity(netns: string): string {
  const found = statSync(`/run/netns/${netns}`, { throwIfNoEntry: false });
  return found === undefined ? 'absent' : `net:[${found.ino}]`;
}

function selfAndAncestors(): Set<number> {
  const entries = new Map(allProcesses().map((entry) => [entry.pid, entry]));
  const callers = new Set<number>();
  for (let pid = process.pid; pid > 0; pid = entries.get(pid)?.parent ?? 0) callers.add(pid);
  return callers;
}

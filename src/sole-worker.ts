import { openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lockOpenFile } from './activities/open-file-lock.ts';
import { kill, processesWithOpen } from './activities/processes.ts';
import { type Config, ConfigError } from './config.ts';

/**
 * Makes this process the only compute worker of its host, for as long as it lives. One that is frozen is killed, since it
 * would take steps and never do them; one that runs makes this a `ConfigError`.
 */
export async function soleWorkerOf({ instancesDir, host }: Pick<Config, 'instancesDir' | 'host'>): Promise<void> {
  await mkdir(instancesDir, { recursive: true });
  const path = join(instancesDir, `.worker-${host.name}.lock`);
  // Never closed: the lock is this process's as long as it lives. (A FileHandle that nobody refers to would close itself.)
  const descriptor = openSync(path, 'a+');
  if (await lockOpenFile(descriptor, 'exclusive', 0)) return;
  for (const holder of await processesWithOpen(path)) if (holder.isStopped) await kill(holder);
  if (await lockOpenFile(descriptor, 'exclusive', 5)) return;
  const pids = (await processesWithOpen(path)).map(({ pid }) => pid).join(', ');
  throw new ConfigError(`a compute worker of host ${host.name} runs already (pid ${pids}): one host has one`);
}

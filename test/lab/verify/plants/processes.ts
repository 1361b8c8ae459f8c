import { join } from 'node:path';
import { type LabHost, runInHost, signalProcess, spawnInHost, whenEnded } from '../../../../lab/lab.ts';
import { until } from '../../../../lab/wait.ts';
import { domainNameOf } from '../../../../src/model/domain.ts';
import type { World } from '../world.ts';
import { instances, nobody, type Plant, type Victims } from './plant.ts';

/** Processes that work for nobody. */
export function processes({ hostOf }: World, { intact }: Victims): readonly Plant[] {
  const host = hostOf(intact);
  const lock = join(instances, intact.id, 'lock');
  return [
    process(host, 'a flock that nobody waits for', ['flock', lock, 'sleep', '1000'], (pid) => `flock, pid ${pid}, on ${lock}`),
    process(
      host,
      'a QEMU that libvirt lost',
      ['qemu-system-x86_64', '-name', `guest=${domainNameOf(nobody)},debug-threads=on`, '-S', '-display', 'none', '-machine', 'none'],
      (pid) => `QEMU of instance ${nobody}, pid ${pid}`,
    ),
  ];
}

function process(host: LabHost, name: string, argv: readonly string[], what: (pid: string) => string): Plant {
  let started: Awaited<ReturnType<typeof spawnInHost>> | null = null;
  let pid = '';
  return {
    name,
    kind: 'UnknownProcess',
    host: host.name,
    get what() {
      return what(pid);
    },
    plant: async () => {
      started = await spawnInHost(host, argv);
      const look = async () => (await runInHost(host, ['pgrep', '--oldest', '--full', argv.join(' ')]).catch(() => '')).trim() || null;
      pid = await until(look, { what: name, timeoutMs: 5000 });
    },
    remove: async () => {
      if (started === null) return;
      signalProcess(started, 'SIGKILL');
      await whenEnded(started);
    },
  };
}

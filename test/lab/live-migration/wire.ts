import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, runInHost, signalProcess, spawnInHost, whenEnded } from '../../../lab/lab.ts';
import { until } from '../../../lab/wait.ts';

/** All that passes a host's network devices, to the moment it is asked for. */
export interface Capture {
  readonly end: () => Promise<Buffer>;
}

/** @param directory has the same path on the machine and in the host */
export async function captureOf(host: LabHost, peer: LabHost, directory: string): Promise<Capture> {
  const path = join(directory, `capture-${host.name}`);
  const wire = await spawnInHost(host, ['python3', join(import.meta.dirname, '../wire.py'), path]);
  await until(() => readFile(path).catch(() => null), { what: 'the capture', timeoutMs: 10_000 });
  return {
    end: async () => {
      const last = randomUUID();
      await runInHost(host, ['bash', '-c', `echo ${last} >/dev/udp/${peer.address}/9`]);
      const look = async () => {
        const seen = await readFile(path);
        return seen.includes(last) ? seen : null;
      };
      const captured = await until(look, { what: 'what was sent last', timeoutMs: 10_000 });
      signalProcess(wire, 'SIGKILL');
      await whenEnded(wire);
      await rm(path);
      return captured;
    },
  };
}

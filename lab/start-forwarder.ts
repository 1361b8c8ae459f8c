import { connect } from 'node:net';
import { join } from 'node:path';
import type { Lab } from './lab-description.ts';
import { stateDirOf } from './names.ts';
import { spawnOnMachine } from './spawn-on-machine.ts';
import { until } from './wait.ts';

const program = join(import.meta.dirname, 'forwarder.ts');

/** Lets a lab's hosts reach 127.0.0.1:`toPort` of the machine, where Temporal is, at the address returned. The forwarder is a process of its own and ends with the lab. */
export async function startForwarder(lab: Lab, { toPort, port = toPort }: { toPort: number; port?: number }): Promise<{ address: string }> {
  const logFile = join(stateDirOf(lab.name), `forwarder-${port}.log`);
  const argv = [process.execPath, program, lab.gateway, String(port), String(toPort)];
  await spawnOnMachine(lab, argv, { role: 'forwarder', logFile });
  await until(async () => ((await isListening(lab.gateway, port)) ? true : null), {
    what: `the forwarder, see ${logFile},`,
    timeoutMs: 10_000,
  });
  return { address: `${lab.gateway}:${port}` };
}

function isListening(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port });
  socket.once('connect', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

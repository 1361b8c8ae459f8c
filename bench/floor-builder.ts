import { once } from 'node:events';
import { access } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Lab, type LabHost, spawnInHost } from '../lab/lab.ts';
import { until } from '../lab/wait.ts';
import type { DomainWatch } from './domain-watch.ts';
import type { FloorParts, FloorPlan } from './floor.ts';
import type { Builder, Guest } from './guests.ts';

/** A guest of the floor, with what it was made from. */
export interface FloorGuest extends Guest {
  readonly plan: FloorPlan;
}

/** The floor as a builder, with what the parts of each build and delete took. */
export interface FloorBuilder extends Builder<FloorGuest, [LabHost]> {
  readonly parts: { readonly builds: FloorParts[]; readonly deletes: FloorParts[] };
}

/** Hosts as the floor needs them: watched, and with somebody who plans guests like those of a real build. */
export type FloorHosts = ReadonlyMap<string, { readonly watch: DomainWatch; readonly plan: (ip: string) => FloorPlan }>;

/** Starts the floor's program in all hosts of `lab` where it does not run yet. Its guests take addresses below those of the network's pool. */
export async function floorBuilder(lab: Lab, hosts: FloorHosts): Promise<FloorBuilder> {
  for (const host of lab.hosts) if (!(await isThere(socketOf(lab, host)))) await startFloor(lab, host);
  const parts = { builds: [] as FloorParts[], deletes: [] as FloorParts[] };
  const subnet = lab.providerCidr.slice(0, lab.providerCidr.lastIndexOf('.'));
  let guests = 0;

  return {
    parts,
    build: async (host) => {
      const { watch, plan: planFor } = toolsOf(host);
      const ip = `${subnet}.${20 + (guests++ % 60)}`;
      const plan = planFor(ip);
      const askedAt = performance.now();
      const [taken, runningAt] = await Promise.all([ask(lab, host, '/build', plan), watch.whenRunning(plan.id)]);
      parts.builds.push(taken);
      // No sooner than it was seen to run, and nobody has to have been told.
      return { id: plan.id, host, ip, askedAt, activeAt: runningAt, plan };
    },
    remove: async ({ plan, host }) => {
      const askedAt = performance.now();
      const [taken] = await Promise.all([ask(lab, host, '/delete', plan), toolsOf(host).watch.whenGone(plan.id)]);
      parts.deletes.push(taken);
      return performance.now() - askedAt;
    },
  };

  function toolsOf({ name }: LabHost) {
    const tools = hosts.get(name);
    if (tools === undefined) throw new Error(`there is no host ${name}`);
    return tools;
  }
}

async function startFloor(lab: Lab, host: LabHost): Promise<void> {
  const socket = socketOf(lab, host);
  const program = join(import.meta.dirname, 'floor.ts');
  const logFile = join(lab.sharedDir, `floor-${host.name}.log`);
  await spawnInHost(host, [process.execPath, program, '--socket', socket], { role: 'floor', logFile });
  await until(async () => (await isThere(socket)) || null, { what: `the floor of ${host.name}`, timeoutMs: 20_000 });
}

function isThere(socket: string): Promise<boolean> {
  return access(socket).then(
    () => true,
    () => false,
  );
}

/** A directory that host and machine share holds the socket. */
function socketOf({ sharedDir }: Lab, { name }: LabHost): string {
  return join(sharedDir, `floor-${name}.sock`);
}

async function ask(lab: Lab, host: LabHost, path: string, plan: FloorPlan): Promise<FloorParts> {
  const asking = request({ socketPath: socketOf(lab, host), path, method: 'POST' }).end(JSON.stringify(plan));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`the floor on ${host.name}: ${answer}`);
  return JSON.parse(answer) as FloorParts;
}

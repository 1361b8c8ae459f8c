import type { Client } from '@temporalio/client';
import type { Lab } from '../lab/lab.ts';
import type { Instance } from '../src/model/instance.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { DomainWatch } from './domain-watch.ts';
import type { Builder, Guest } from './guests.ts';

/** A guest of novaflow's, with the runs that built and will delete it. */
export interface OurGuest extends Guest {
  readonly buildId: string;
  readonly deleteId: string;
}

/** What its guests are asked for, beside their name. */
export interface OurRequest {
  readonly flavor: string | object;
}

/** novaflow as a builder: each build and delete is started by a Temporal client as anybody's is. */
export function ourBuilder(
  { hosts }: Lab,
  client: Client,
  watches: ReadonlyMap<string, DomainWatch>,
  { flavor }: OurRequest,
): Builder<OurGuest, []> {
  return {
    build: async () => {
      const buildId = `bench-build-${crypto.randomUUID()}`;
      const askedAt = performance.now();
      const { id, host: name, ports } = await execute('buildInstance', buildId, { name: 'bench', flavor, image: 'tiny' });
      const answeredAt = performance.now();
      const host = hosts.find((one) => one.name === name);
      const [port] = ports;
      if (host === undefined || port === undefined) throw new Error(`instance ${id} has no host or no port`);
      const runningAt = await watchOf(host.name).whenRunning(id);
      const { vmState } = await client.workflow.getHandle(`instance/${id}`).query<Instance>('record');
      if (vmState !== 'active') throw new Error(`instance ${id} is ${vmState} after its build`);
      const deleteId = `bench-delete-${id}`;
      return { id, host, ip: port.ip, askedAt, activeAt: Math.max(answeredAt, runningAt), buildId, deleteId };
    },
    remove: async ({ id, host, deleteId }) => {
      const askedAt = performance.now();
      await Promise.all([execute('deleteInstance', deleteId, { instanceId: id }), watchOf(host.name).whenGone(id)]);
      return performance.now() - askedAt;
    },
  };

  async function execute(type: string, workflowId: string, request: object): Promise<Instance> {
    const handle = await client.workflow.start(type, { taskQueue: controlQueue, workflowId, args: [request] });
    return (await handle.result()) as Instance; // What a build or a delete returns: the record.
  }

  function watchOf(name: string): DomainWatch {
    const watch = watches.get(name);
    if (watch === undefined) throw new Error(`host ${name} is not watched`);
    return watch;
  }
}

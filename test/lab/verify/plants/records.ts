import { searchAttributes } from '../../../../src/model/search-attributes.ts';
import type { World } from '../world.ts';
import { nobody, type Plant, type Victims } from './plant.ts';

/** Claims, addresses and runs. */
export function records({ client, hostOf, imageId }: World, { intact, unclaimed, unplugged, copied }: Victims): readonly Plant[] {
  const host = hostOf(intact);
  const claim = { id: 'stray', instanceId: nobody, vcpus: 1, memoryMiB: 1, diskGiB: 1 };
  const record = (id: string) => client.workflow.getHandle(id);
  const [port] = unplugged.ports;
  let given = '';
  return [
    {
      name: 'a claim of nobody',
      kind: 'UnknownClaim',
      host: host.name,
      what: `claim stray of instance ${nobody}: 1 vCPUs, 1 MiB memory, 1 GiB disk`,
      plant: () => record(`host/${host.name}`).executeUpdate('claim', { args: [{ ...claim, generation: 1 }] }),
      remove: () => record(`host/${host.name}`).executeUpdate('release', { args: [{ instanceId: nobody, generation: 1 }] }),
    },
    {
      name: 'an instance without a claim',
      kind: 'ClaimMissing',
      host: unclaimed.host,
      what: `instance ${unclaimed.id} has no claim`,
      plant: () => record(`host/${unclaimed.host}`).executeUpdate('release', { args: [{ instanceId: unclaimed.id, generation: 0 }] }),
    },
    {
      name: 'a claim of another size than the flavor',
      kind: 'ClaimDiffers',
      host: copied.host,
      what: `claim ${copied.id} of instance ${copied.id}: 1 vCPUs, 1 MiB memory, 1 GiB disk`,
      plant: async () => {
        const { id } = copied;
        await record(`host/${copied.host}`).executeUpdate('release', { args: [{ instanceId: id, generation: 0 }] });
        await record(`host/${copied.host}`).executeUpdate('claim', { args: [{ ...claim, id, instanceId: id, generation: 1 }] });
      },
    },
    {
      name: 'an address of nobody',
      kind: 'UnknownAddress',
      host: null,
      get what() {
        return `${given} of network default, owner ${nobody}`;
      },
      plant: async () => {
        const request = { id: nobody, owner: nobody, mac: 'fa:16:3e:00:00:01', generation: 1 };
        const { port: made } = await record('network/default').executeUpdate<{ port: { ip: string } }, [object]>('allocate', {
          args: [request],
        });
        given = made.ip;
      },
      remove: () => record('network/default').executeUpdate('release', { args: [{ owner: nobody, generation: 1 }] }),
    },
    {
      name: 'an address that was given back while it is used',
      kind: 'AddressMissing',
      host: unplugged.host,
      what: `${port?.ip} of instance ${unplugged.id} is not in network default`,
      plant: () => record('network/default').executeUpdate('release', { args: [{ owner: unplugged.id, generation: 0 }] }),
    },
    run('buildInstance', `instance ${intact.id}`, searchAttributes.instanceId, intact.id),
    run('importImage', `image ${imageId}`, searchAttributes.objectName, imageId),
  ];

  /** A run on a queue that nobody serves. */
  function run(type: string, works: string, key: typeof searchAttributes.instanceId, value: string): Plant {
    let runId = '';
    const workflowId = `lost/${type}`;
    return {
      name: `a run of ${type} that holds nothing`,
      kind: 'UnknownOperation',
      host: null,
      get what() {
        return `${type} ${workflowId}, run ${runId}, works on ${works}`;
      },
      plant: async () => {
        const handle = await client.workflow.start(type, {
          taskQueue: 'nobody',
          workflowId,
          args: [{}],
          typedSearchAttributes: [{ key, value }],
        });
        runId = handle.firstExecutionRunId;
      },
      remove: () => record(workflowId).terminate(),
    };
  }
}

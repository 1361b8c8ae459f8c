import type { Port } from '../model/instance.ts';
import { prefixOf } from '../model/network.ts';
import type { AllocateRequest, ReleasePorts } from '../model/network-record.ts';
import type { Token } from '../model/tenure.ts';
import type { GivenPort } from '../workflows/records/network.ts';
import type { WantedPort } from './accept/ports.ts';
import { fail, update } from './record-client.ts';

/** A port with what its host has to know to plug it, and the guest to use it. */
export interface Vif {
  readonly port: Port;
  readonly bridge: string;
  readonly mtu: number;
  readonly dns: readonly string[];
}

export interface AddressActivities {
  /** Takes the addresses of an instance's ports, in their order. Repeatable: a port that has its address keeps it. */
  allocatePorts(input: { token: Token; instanceId: string; ports: readonly WantedPort[] }): Promise<{ readonly vifs: readonly Vif[] }>;
  /** Gives back all addresses of an instance in these networks. Right when it has none. Repeatable. */
  releasePorts(input: { token: Token; instanceId: string; networks: readonly string[] }): Promise<void>;
}

export const addressActivities: AddressActivities = {
  allocatePorts: async ({ token: { generation }, instanceId, ports }) => {
    const vifs = ports.map(async ({ tap, network: name, ...wanted }): Promise<Vif> => {
      const request: AllocateRequest = { ...wanted, owner: instanceId, generation };
      const { port, network } = await update<GivenPort>(`network/${name}`, 'allocate', request, gone(name));
      const { gateway, bridge, mtu, dns } = network;
      const { id, mac, ip } = port;
      return { port: { id, mac, ip, network: name, prefix: prefixOf(network), gateway, tap }, bridge, mtu, dns };
    });
    return { vifs: await Promise.all(vifs) };
  },
  releasePorts: async ({ token: { generation }, instanceId, networks }) => {
    const release: ReleasePorts = { owner: instanceId, generation };
    await Promise.all(networks.map((name) => update(`network/${name}`, 'release', release, gone(name))));
  },
};

function gone(network: string): ReturnType<typeof fail> {
  return fail('NetworkNotFound', `there is no network ${network}`);
}

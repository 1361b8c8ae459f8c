import type { Host } from '../../model/host.ts';
import type { Instance, VmState } from '../../model/instance.ts';
import { type Network, type NetworkDefinition, validateNetwork, wholePoolOf } from '../../model/network.ts';
import { sentenceOf } from '../../schema/parse.ts';
import type { Shown } from '../../workflows/records/held.ts';
import { whenListed } from '../listing.ts';
import { fail, update, updateWithStart } from '../record-client.ts';
import type { ConsoleKind } from '../remote-console.ts';
import { parsed } from './parse.ts';
import { visibleInstance } from './whose.ts';

/** Operations that are one message to one record, or a look at one. */
export interface AcceptOthersActivities {
  /** Makes a network; the same again finds it. Raises `InvalidRequest`, `NetworkExists`. */
  makeNetwork(input: { request: unknown }): Promise<Network>;
  /** Lets new instances onto a host, or keeps them away. Raises `HostNotFound`. Repeatable. */
  setHostEnabled(input: { request: unknown; isEnabled: boolean }): Promise<Host>;
  /** Where the console of an instance is. Raises `InstanceNotFound`, `InvalidState` when it is on no host. */
  findConsole(input: { request: unknown }): Promise<{ readonly host: string; readonly instanceId: string; readonly maxBytes: number }>;
  /** Where the screen of an instance is. Raises `InstanceNotFound`, `InvalidState` when its guest is off. */
  findScreen(input: { request: unknown }): Promise<{ readonly host: string; readonly instanceId: string }>;
  /** Where the console of an instance is that may be looked at (Nova: in any state, but not while it is deleted). Raises the same. */
  findRemoteConsole(input: {
    request: unknown;
  }): Promise<{ readonly host: string; readonly instanceId: string; readonly kind: ConsoleKind }>;
}

/** What a console shows when nobody says how much. */
const consoleBytes = 64 * 1024;

export const acceptOthersActivities: AcceptOthersActivities = {
  makeNetwork: async ({ request }) => {
    const { name, cidr, bridge, gateway = null, pool, mtu = 1500, dns = [], isDefault = false } = parsed('createNetwork', request);
    const definition: NetworkDefinition = {
      name,
      cidr,
      gateway,
      pool: pool ?? wholePoolOf(cidr) ?? { start: '', end: '' },
      bridge,
      mtu,
      isDefault,
      dns,
    };
    const fields = validateNetwork(definition);
    if (fields.length > 0) throw fail('InvalidRequest', sentenceOf(fields), { fields });
    const existed = fail('NetworkExists', `network ${name} existed before: choose another name`);
    return shown(`network/${name}`, await updateWithStart<Shown<Network>>('network', name, 'create', definition, existed));
  },

  setHostEnabled: async ({ request, isEnabled }) => {
    const { host, reason = null } = parsed(isEnabled ? 'enableHost' : 'disableHost', request);
    const absent = fail('HostNotFound', `there is no host ${host}`);
    return shown(`host/${host}`, await update<Shown<Host>>(`host/${host}`, 'enable', { isEnabled, reason }, absent));
  },

  findConsole: async ({ request }) => {
    const { instanceId, maxBytes = consoleBytes } = parsed('getConsoleOutput', request);
    const { host } = await placedInstance(instanceId, 'console');
    return { host, instanceId, maxBytes };
  },

  findScreen: async ({ request }) => {
    const { instanceId } = parsed('getScreenshot', request);
    const { host, instance } = await placedInstance(instanceId, 'screen');
    const { name, vmState, taskState } = instance;
    if (guestless.has(vmState)) throw fail('InvalidState', `instance ${name} is ${vmState}: start it first`, { vmState, taskState });
    return { host, instanceId };
  },

  findRemoteConsole: async ({ request }) => {
    const { instanceId, kind } = parsed('openConsole', request);
    const { host, instance } = await placedInstance(instanceId, 'console');
    const { name, vmState, taskState } = instance;
    if (taskState === 'deleting') throw fail('InvalidState', `instance ${name} is being deleted`, { vmState, taskState });
    return { host, instanceId, kind };
  },
};

/** States without a guest that runs or is paused. */
const guestless: ReadonlySet<VmState> = new Set<VmState>(['stopped', 'suspended', 'soft-delete', 'shelved', 'shelved_offloaded']);

async function placedInstance(instanceId: string, wanted: string): Promise<{ readonly instance: Instance; readonly host: string }> {
  const instance = await visibleInstance(instanceId);
  const { host, vmState, taskState, name } = instance;
  if (host === null) {
    throw fail('InvalidState', `instance ${name} is ${vmState} and on no host: it has no ${wanted}`, { vmState, taskState });
  }
  return { instance, host };
}

async function shown<Record>(workflowId: string, { record, shownAt }: Shown<Record>): Promise<Record> {
  await whenListed(workflowId, shownAt);
  return record;
}

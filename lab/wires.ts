import { readdir } from 'node:fs/promises';
import { isNetnsOf, machineLinksOf, netnsOf, switchNetnsOf } from './names.ts';
import { run, succeeds } from './run.ts';
import type { HostState, LabState } from './state.ts';

/** The bridge inside every host that guests' taps are plugged into. */
export const providerBridge = 'br-provider';

/**
 * Makes a lab's switch, a network namespace with the management and the provider bridge, and the machine's own two links into it.
 * The bridges are kept out of the machine's namespace because its firewall (Docker's, say) would drop what passes them.
 */
export async function layWires(lab: LabState): Promise<void> {
  const netns = switchNetnsOf(lab.name);
  const links = machineLinksOf(lab.name);
  await batch([
    `netns add ${netns}`,
    `link add ${links.management} type veth peer name machine-m netns ${netns}`,
    `link add ${links.provider} type veth peer name machine-p netns ${netns}`,
    `addr add ${lab.gateway}/24 dev ${links.management}`,
    `addr add ${lab.providerGateway}/24 dev ${links.provider}`,
    `link set ${links.management} up`,
    `link set ${links.provider} up`,
  ]);
  await batch(
    [
      'link set lo up',
      'link add management type bridge forward_delay 0 mcast_snooping 0',
      'link add provider type bridge forward_delay 0 mcast_snooping 0',
      'link set management up',
      'link set provider up',
      'link set machine-m master management up',
      'link set machine-p master provider up',
    ],
    netns,
  );
}

/** Makes a host's network namespace anew and plugs it into both of the lab's bridges. */
export async function plugHost(lab: LabState, host: HostState): Promise<void> {
  const netns = netnsOf(lab.name, host.name);
  await unplugHost(lab.name, host.name);
  await batch([`netns add ${netns}`]);
  await batch(
    [
      `link add ${host.name}-m type veth peer name eth0 netns ${netns}`,
      `link add ${host.name}-p type veth peer name eth1 netns ${netns}`,
      `link set ${host.name}-m master management up`,
      `link set ${host.name}-p master provider up`,
    ],
    switchNetnsOf(lab.name),
  );
  await batch(
    [
      'link set lo up',
      `addr add ${host.address}/24 dev eth0`,
      'link set eth0 up',
      `link add ${providerBridge} type bridge forward_delay 0 mcast_snooping 0`,
      `link set ${providerBridge} up`,
      `link set eth1 master ${providerBridge} up`,
    ],
    netns,
  );
}

/** Removes a host's links and its network namespace with all rules in it. */
export async function unplugHost(lab: string, host: string): Promise<void> {
  const netns = netnsOf(lab, host);
  if (!(await netnsNames()).includes(netns)) return;
  // A namespace goes in the background, its links with it: they are removed first so that their names are free at once.
  await succeeds('ip', ['-n', switchNetnsOf(lab), 'link', 'del', `${host}-m`]);
  await succeeds('ip', ['-n', switchNetnsOf(lab), 'link', 'del', `${host}-p`]);
  await run('ip', ['netns', 'del', netns]);
}

/** Removes all links and network namespaces of a lab, whichever of them exist. */
export async function removeWires(lab: string): Promise<void> {
  const links = machineLinksOf(lab);
  await succeeds('ip', ['link', 'del', links.management]);
  await succeeds('ip', ['link', 'del', links.provider]);
  for (const netns of await netnsNamesOf(lab)) await run('ip', ['netns', 'del', netns]);
}

/** The network namespaces of one lab. */
export async function netnsNamesOf(lab: string): Promise<string[]> {
  return (await netnsNames()).filter((netns) => isNetnsOf(lab, netns));
}

async function netnsNames(): Promise<string[]> {
  return await readdir('/run/netns').catch(() => []);
}

async function batch(lines: readonly string[], netns?: string): Promise<void> {
  const within = netns === undefined ? [] : ['-n', netns];
  await run('ip', [...within, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

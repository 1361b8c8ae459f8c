import type { Instance } from '../instance.ts';
import type { Network, NetworkPort } from '../network.ts';
import type { Finding } from './finding.ts';
import { type HostScene, instancesHere } from './scene.ts';

/** Addresses that instances of this host use and no network gave them, and those given to them that they do not use. */
export function addressFindings(scene: HostScene): readonly Finding[] {
  return instancesHere(scene).flatMap((instance) => [...notGiven(scene, instance), ...notUsed(scene, instance)]);
}

/** An address given to somebody who has nothing of it. */
export function unknownAddress(host: string | null, network: string, { ip, owner }: NetworkPort, likelyCause: string): Finding {
  return { kind: 'UnknownAddress', host, what: `${ip} of network ${network}, owner ${owner}`, likelyCause };
}

function notGiven({ host, networks }: HostScene, { id, ports }: Instance): readonly Finding[] {
  const isGiven = (network: Network | undefined, port: Instance['ports'][number]) =>
    network?.ports.some((given) => given.id === port.id && given.owner === id && given.ip === port.ip && given.mac === port.mac) ?? false;
  return ports
    .filter((port) => !isGiven(networks.get(port.network), port))
    .map(({ ip, network }) => ({
      kind: 'AddressMissing',
      host,
      what: `${ip} of instance ${id} is not in network ${network}`,
      likelyCause: 'it was given back while the instance has it: another instance may get the same address',
    }));
}

function notUsed({ host, networks }: HostScene, { id, name, ports }: Instance): readonly Finding[] {
  const used = new Set(ports.map((port) => port.id));
  return [...networks.values()].flatMap((network) =>
    network.ports
      .filter((port) => port.owner === id && !used.has(port.id))
      .map((port) => unknownAddress(host, network.name, port, `instance ${name} has no such port: an operation left it`)),
  );
}

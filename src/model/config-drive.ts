import { stringify } from 'yaml';
import { hostnameOf } from './hostname.ts';
import type { Instance, Port } from './instance.ts';

/** A port with what the guest is to set on it. */
export interface ConfiguredPort extends Pick<Port, 'mac' | 'ip' | 'prefix' | 'gateway'> {
  /** Null leaves it to the guest. */
  readonly mtu: number | null;
  readonly dns: readonly string[];
}

/** A file of the config drive, by its path from the drive's root. */
export interface ConfigDriveFile {
  readonly path: string;
  readonly content: string;
}

export interface ConfigDriveContents {
  readonly instance: Pick<Instance, 'id' | 'name'>;
  /** In the order of the guest's devices; the first one with a gateway is the way out. */
  readonly ports: readonly ConfiguredPort[];
  /** OpenSSH lines for the first user of the image. */
  readonly publicKeys: readonly string[];
}

/**
 * What cloud-init's NoCloud source reads from a volume labelled `cidata`.
 * The same contents give the same bytes; documents are YAML in block style, so that a guest without a YAML parser can read them by line.
 */
export function configDriveFiles({ instance, ports, publicKeys }: ConfigDriveContents): readonly ConfigDriveFile[] {
  return [
    { path: 'meta-data', content: yaml({ 'instance-id': instance.id, 'local-hostname': hostnameOf(instance.name, instance.id) }) },
    { path: 'user-data', content: `#cloud-config\n${publicKeys.length === 0 ? '' : yaml({ ssh_authorized_keys: publicKeys })}` },
    { path: 'network-config', content: yaml({ version: 2, ethernets: ethernets(ports) }) },
  ];
}

function ethernets(ports: readonly ConfiguredPort[]): Readonly<Record<string, object>> {
  const wayOut = ports.findIndex(({ gateway }) => gateway !== null);
  return Object.fromEntries(ports.map((port, index) => [`nic${index}`, ethernet(port, index === wayOut)]));
}

/** The order of the keys is part of the format: our guest without cloud-init reads the lines as they come. */
function ethernet({ mac, mtu, ip, prefix, gateway, dns }: ConfiguredPort, isWayOut: boolean): object {
  return {
    match: { macaddress: mac },
    ...(mtu === null ? {} : { mtu }),
    addresses: [`${ip}/${prefix}`],
    ...(isWayOut ? { routes: [{ to: 'default', via: gateway }] } : {}),
    ...(dns.length === 0 ? {} : { nameservers: { addresses: dns } }),
  };
}

/** YAML 1.1, which cloud-init reads: a host name `on` and a MAC address of digits alone have to be quoted in it. */
function yaml(document: object): string {
  return stringify(document, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

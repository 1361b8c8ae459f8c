import { stringify } from 'yaml';
import type { ConfigDriveContents, ConfigDriveFile, ConfiguredPort } from '../config-drive.ts';
import { hostnameOf } from '../hostname.ts';

/**
 * What cloud-init's NoCloud source reads. Documents are YAML in block style, so that a guest without a YAML parser can read them
 * by line. It knows no `files` and no password.
 */
export function noCloudFiles({ instance, ports, publicKeys, secrets }: ConfigDriveContents): readonly ConfigDriveFile[] {
  const identity = { 'instance-id': instance.id, 'local-hostname': hostnameOf(instance.name, instance.id) };
  return [
    { path: 'meta-data', content: yaml({ ...identity, ...(publicKeys.length === 0 ? {} : { 'public-keys': publicKeys }) }) },
    // The source takes a drive without user data for none of its own.
    { path: 'user-data', content: secrets.userData === undefined ? '#cloud-config\n' : Buffer.from(secrets.userData, 'base64') },
    { path: 'network-config', content: yaml({ version: 2, ethernets: ethernets(ports) }) },
  ];
}

function ethernets(ports: readonly ConfiguredPort[]): Readonly<Record<string, object>> {
  const wayOut = ports.findIndex(({ gateway }) => gateway !== null);
  return Object.fromEntries(ports.map((port, index) => [`nic${index}`, ethernet(port, index === wayOut)]));
}

/**
 * The order of the keys is part of the format: our guest without cloud-init reads the lines as they come. A route is never to `default`,
 * which only netplan knows: cloud-init 22.4, Debian 12's, raises on it.
 */
function ethernet({ mac, mtu, ip, prefix, gateway, dns }: ConfiguredPort, isWayOut: boolean): object {
  return {
    match: { macaddress: mac },
    ...(mtu === null ? {} : { mtu }),
    addresses: [`${ip}/${prefix}`],
    ...(isWayOut ? { routes: [{ to: '0.0.0.0/0', via: gateway }] } : {}),
    ...(dns.length === 0 ? {} : { nameservers: { addresses: dns } }),
  };
}

/** YAML 1.1, which cloud-init reads: a host name `on` and a MAC address of digits alone have to be quoted in it. */
function yaml(document: object): string {
  return stringify(document, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

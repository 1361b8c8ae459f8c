import type { ConfigDriveContents, ConfigDriveFile, ConfiguredPort } from '../config-drive.ts';
import { hostnameOf } from '../hostname.ts';
import type { SecretFile } from '../secrets.ts';

/**
 * What readers of OpenStack's config drive find, in the one version `latest`, which all of them fall back to (Nova's `InstanceMetadata`
 * and `NetworkMetadata`). Nova's `random_seed` is left out: with it no drive could be made the same again.
 */
export function openStackFiles(contents: ConfigDriveContents): readonly ConfigDriveFile[] {
  const { ports, secrets } = contents;
  const { userData, files = [] } = secrets;
  return [
    { path: 'openstack/latest/meta_data.json', content: json(metaData(contents)) },
    { path: 'openstack/latest/network_data.json', content: json(networkData(ports)) },
    { path: 'openstack/latest/vendor_data.json', content: json({}) },
    ...(userData === undefined ? [] : [{ path: 'openstack/latest/user_data', content: Buffer.from(userData, 'base64') }]),
    ...files.map((file, index) => ({ path: `openstack${contentPath(index)}`, content: Buffer.from(file.contentsBase64, 'base64') })),
  ];
}

function metaData({ instance, publicKeys, secrets }: ConfigDriveContents): object {
  const { id, name, projectId, availabilityZone, metadata } = instance;
  const { adminPassword, files = [] } = secrets;
  const keys = publicKeys.map((data, index) => ({ name: `key-${index}`, type: 'ssh', data }));
  return {
    uuid: id,
    name,
    hostname: hostnameOf(name, id),
    launch_index: 0,
    project_id: projectId,
    availability_zone: availabilityZone,
    meta: metadata,
    ...(keys.length === 0 ? {} : { keys, public_keys: Object.fromEntries(keys.map(({ name: keyName, data }) => [keyName, data])) }),
    ...(files.length === 0 ? {} : { files: files.map(fileEntry) }),
    ...(adminPassword === undefined ? {} : { admin_pass: adminPassword }),
    devices: [],
  };
}

function fileEntry({ path }: SecretFile, index: number): object {
  return { path, content_path: contentPath(index) };
}

/** Below `openstack`, as Nova numbers them. */
function contentPath(index: number): string {
  return `/content/${`${index}`.padStart(4, '0')}`;
}

function networkData(ports: readonly ConfiguredPort[]): object {
  const wayOut = ports.findIndex(({ gateway }) => gateway !== null);
  return {
    links: ports.map(({ id, tap, mac, mtu }) => ({
      id: tap,
      vif_id: id,
      type: 'bridge',
      ethernet_mac_address: mac,
      ...(mtu === null ? {} : { mtu }),
    })),
    networks: ports.map((port, index) => ({
      id: `network${index}`,
      network_id: port.network,
      type: 'ipv4',
      link: port.tap,
      ip_address: port.ip,
      netmask: netmaskOf(port.prefix),
      routes: index === wayOut ? [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: port.gateway }] : [],
      services: port.dns.map(nameServer),
    })),
    services: [...new Set(ports.flatMap(({ dns }) => dns))].map(nameServer),
  };
}

function nameServer(address: string): object {
  return { type: 'dns', address };
}

/** 24 → `255.255.255.0`. */
function netmaskOf(prefix: number): string {
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join('.');
}

/** A line an entry, for a guest without a JSON parser. */
function json(document: object): string {
  return `${JSON.stringify(document, null, 1)}\n`;
}

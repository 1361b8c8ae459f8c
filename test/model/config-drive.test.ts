import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ConfigDriveContents, configDriveFiles, configDriveLabelOf } from '../../src/model/config-drive.ts';

const instance = {
  id: '6a1b2c3d-0000-4000-8000-000000000001',
  name: 'Web 1',
  projectId: 'engine',
  availabilityZone: 'nova',
  metadata: { role: 'web' },
};
const port = {
  id: '11111111-0000-4000-8000-000000000001',
  network: 'default',
  tap: 'tap6a1b2c3d-0',
  mac: 'fa:16:3e:00:00:01',
  ip: '10.0.0.10',
  prefix: 24,
  gateway: '10.0.0.1',
  mtu: 1400,
  dns: ['1.1.1.1', '9.9.9.9'],
};

const plain: ConfigDriveContents = { instance, ports: [port], publicKeys: [], secrets: {} };
const secrets = {
  adminPassword: 'say "friend" & enter',
  userData: Buffer.from('#!/bin/sh\necho hi\n').toString('base64'),
  files: [
    { path: '/etc/motd', contentsBase64: Buffer.from('welcome\n').toString('base64') },
    { path: '/root/key', contentsBase64: Buffer.from([0, 255, 13, 10]).toString('base64') },
  ],
};

function file(path: string, changes: Partial<ConfigDriveContents> = {}): string | undefined {
  const found = configDriveFiles({ ...plain, ...changes }).find((one) => one.path === path);
  return found === undefined ? undefined : Buffer.from(found.content).toString('utf8');
}

function paths(changes: Partial<ConfigDriveContents> = {}): string[] {
  return configDriveFiles({ ...plain, ...changes }).map(({ path }) => path);
}

test('a config drive holds what both sources of cloud-init read', () => {
  expect(paths()).toStrictEqual([
    'openstack/latest/meta_data.json',
    'openstack/latest/network_data.json',
    'openstack/latest/vendor_data.json',
    'meta-data',
    'user-data',
    'network-config',
  ]);
  expect(paths({ secrets })).toEqual(
    expect.arrayContaining(['openstack/latest/user_data', 'openstack/content/0000', 'openstack/content/0001']),
  );
});

test('the same contents make the same drive', () => {
  expect(configDriveFiles({ ...plain, secrets })).toStrictEqual(configDriveFiles({ ...plain, secrets }));
});

describe('the label', () => {
  test.for([
    [{}, 'config-2'],
    [{ img_config_drive_label: 'config-2' }, 'config-2'],
    [{ img_config_drive_label: 'cidata' }, 'cidata'],
    [{ img_config_drive_label: 'CIDATA' }, null],
    [{ img_config_drive_label: '' }, null],
  ] as const)('for an image with %j is %s', ([properties, label]) => {
    expect(configDriveLabelOf(properties)).toBe(label);
  });
});

describe('the meta_data.json', () => {
  const metaData = (changes: Partial<ConfigDriveContents> = {}) => JSON.parse(file('openstack/latest/meta_data.json', changes) ?? '');

  test('is what Nova writes of an instance', () => {
    expect(metaData()).toStrictEqual({
      uuid: instance.id,
      name: 'Web 1',
      hostname: 'web-1',
      launch_index: 0,
      project_id: 'engine',
      availability_zone: 'nova',
      meta: { role: 'web' },
      devices: [],
    });
  });

  test('has public keys in the old form and in the new', () => {
    expect(metaData({ publicKeys: ['ssh-ed25519 AAAA a', 'ssh-rsa BBBB b'] })).toMatchObject({
      public_keys: { 'key-0': 'ssh-ed25519 AAAA a', 'key-1': 'ssh-rsa BBBB b' },
      keys: [
        { name: 'key-0', type: 'ssh', data: 'ssh-ed25519 AAAA a' },
        { name: 'key-1', type: 'ssh', data: 'ssh-rsa BBBB b' },
      ],
    });
  });

  test('has the password as admin_pass, and says where on the drive each file is', () => {
    expect(metaData({ secrets })).toMatchObject({
      admin_pass: 'say "friend" & enter',
      files: [
        { path: '/etc/motd', content_path: '/content/0000' },
        { path: '/root/key', content_path: '/content/0001' },
      ],
    });
    expect(file('openstack/content/0000', { secrets })).toBe('welcome\n');
  });
});

test('bytes of a file or of user data that are no text come as they are', () => {
  const bytes = Buffer.from([0, 255, 13, 10]);
  const found = configDriveFiles({ ...plain, secrets: { ...secrets, userData: bytes.toString('base64') } });
  for (const path of ['openstack/content/0001', 'openstack/latest/user_data', 'user-data']) {
    expect(Buffer.from(found.find((one) => one.path === path)?.content ?? '')).toEqual(bytes);
  }
});

describe('the network_data.json', () => {
  const networkData = (changes: Partial<ConfigDriveContents> = {}) => JSON.parse(file('openstack/latest/network_data.json', changes) ?? '');

  test('has a link, an address, the way out and the name servers of each port', () => {
    expect(networkData()).toStrictEqual({
      links: [{ id: port.tap, vif_id: port.id, type: 'bridge', ethernet_mac_address: port.mac, mtu: 1400 }],
      networks: [
        {
          id: 'network0',
          network_id: 'default',
          type: 'ipv4',
          link: port.tap,
          ip_address: '10.0.0.10',
          netmask: '255.255.255.0',
          routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' }],
          services: [
            { type: 'dns', address: '1.1.1.1' },
            { type: 'dns', address: '9.9.9.9' },
          ],
        },
      ],
      services: [
        { type: 'dns', address: '1.1.1.1' },
        { type: 'dns', address: '9.9.9.9' },
      ],
    });
  });

  test('names one way out and each name server once', () => {
    const data = networkData({ ports: [{ ...port, gateway: null, mtu: null }, port, port] });
    expect(data.networks.map(({ routes }: { routes: object[] }) => routes.length)).toStrictEqual([0, 1, 0]);
    expect(data.services).toHaveLength(2);
    expect(data.links[0]).not.toHaveProperty('mtu');
  });

  test.for([
    [0, '0.0.0.0'],
    [8, '255.0.0.0'],
    [22, '255.255.252.0'],
    [31, '255.255.255.254'],
    [32, '255.255.255.255'],
  ] as const)('writes the prefix %i as %s', ([prefix, netmask]) => {
    expect(networkData({ ports: [{ ...port, prefix }] }).networks[0].netmask).toBe(netmask);
  });

  test('of an instance without ports is empty', () => {
    expect(networkData({ ports: [] })).toStrictEqual({ links: [], networks: [], services: [] });
  });
});

test('the meta-data names the instance and its host', () => {
  expect(file('meta-data')).toBe('instance-id: 6a1b2c3d-0000-4000-8000-000000000001\nlocal-hostname: web-1\n');
});

test('the network-config is YAML in block style, its keys in a fixed order', () => {
  expect(file('network-config')).toBe(`version: 2
ethernets:
  nic0:
    match:
      macaddress: fa:16:3e:00:00:01
    mtu: 1400
    addresses:
      - 10.0.0.10/24
    routes:
      - to: 0.0.0.0/0
        via: 10.0.0.1
    nameservers:
      addresses:
        - 1.1.1.1
        - 9.9.9.9
`);
});

describe('the network-config', () => {
  test('leaves out what a port has not', () => {
    expect(file('network-config', { ports: [{ ...port, gateway: null, mtu: null, dns: [] }] })).toBe(`version: 2
ethernets:
  nic0:
    match:
      macaddress: fa:16:3e:00:00:01
    addresses:
      - 10.0.0.10/24
`);
  });

  test('names one way out, the first port with a gateway', () => {
    const ports = [{ ...port, gateway: null }, port, { ...port, gateway: '10.0.9.1' }];
    const { ethernets } = parse(file('network-config', { ports }) ?? '');
    expect([ethernets.nic0.routes, ethernets.nic1.routes, ethernets.nic2.routes]).toStrictEqual([
      undefined,
      [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
      undefined,
    ]);
  });

  test('of two ports with the same name servers repeats them, since not every reader knows YAML aliases', () => {
    expect(file('network-config', { ports: [port, port] })).not.toMatch(/[&*]/);
  });

  test('of an instance without ports configures nothing', () => {
    expect(parse(file('network-config', { ports: [] }) ?? '')).toStrictEqual({ version: 2, ethernets: {} });
  });
});

describe('what YAML 1.1 would take for something else is quoted', () => {
  const asCloudInitReads = (content: string | undefined) => parse(content ?? '', { version: '1.1' });

  test('a MAC address of digits, a number to base 60', () => {
    const mac = '52:54:00:12:34:56';
    expect(asCloudInitReads(file('network-config', { ports: [{ ...port, mac }] })).ethernets.nic0.match.macaddress).toBe(mac);
  });

  test.for(['on', 'no', '123', '1e3', 'null'])('the host name %s', (name) => {
    expect(asCloudInitReads(file('meta-data', { instance: { ...instance, name } }))['local-hostname']).toBe(name);
  });
});

test('the meta-data holds each key on one line, however long it is', () => {
  const key = `ssh-rsa ${'A'.repeat(500)} me: "at" home # 1`;
  const content = file('meta-data', { publicKeys: [key] });
  expect(content?.split('\n')).toHaveLength(5);
  expect(parse(content ?? '')).toMatchObject({ 'public-keys': [key] });
});

describe('the user-data', () => {
  test('is an empty cloud-config where the request has none', () => {
    expect(file('user-data')).toBe('#cloud-config\n');
    expect(file('openstack/latest/user_data')).toBeUndefined();
  });

  test('is that of the request for both sources', () => {
    for (const path of ['user-data', 'openstack/latest/user_data']) expect(file(path, { secrets })).toBe('#!/bin/sh\necho hi\n');
  });
});

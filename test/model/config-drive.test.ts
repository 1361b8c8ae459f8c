import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ConfigDriveContents, configDriveFiles } from '../../src/model/config-drive.ts';

const instance = { id: '6a1b2c3d-0000-4000-8000-000000000001', name: 'Web 1' };
const port = { mac: 'fa:16:3e:00:00:01', ip: '10.0.0.10', prefix: 24, gateway: '10.0.0.1', mtu: 1400, dns: ['1.1.1.1', '9.9.9.9'] };

function file(path: string, changes: Partial<ConfigDriveContents> = {}): string | undefined {
  return configDriveFiles({ instance, ports: [port], publicKeys: [], ...changes }).find((one) => one.path === path)?.content;
}

test('a config drive holds what NoCloud reads', () => {
  expect(configDriveFiles({ instance, ports: [port], publicKeys: [] }).map(({ path }) => path)).toStrictEqual([
    'meta-data',
    'user-data',
    'network-config',
  ]);
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
      - to: default
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
      [{ to: 'default', via: '10.0.0.1' }],
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

describe('the user-data', () => {
  test('without keys is an empty cloud-config', () => {
    expect(file('user-data')).toBe('#cloud-config\n');
  });

  test('holds each key on one line, however long it is', () => {
    const key = `ssh-rsa ${'A'.repeat(500)} me: "at" home # 1`;
    const content = file('user-data', { publicKeys: [key] });
    expect(content?.split('\n')).toHaveLength(4);
    expect(parse(content ?? '')).toStrictEqual({ ssh_authorized_keys: [key] });
  });
});

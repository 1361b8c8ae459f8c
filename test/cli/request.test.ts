import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { call, keptTerminal } from './surroundings.ts';

const id = '0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f';
const create = ['instance', 'create', 'web1', '--image', 'tiny', '--flavor', 'lab.tiny', '--no-wait'];
const build = { name: 'web1', image: 'tiny', flavor: 'lab.tiny' };
const imported = ['image', 'import', 'tiny', '--file', 'root.img', '--format', 'raw', '--no-wait'];
const image = { name: 'tiny', source: 'file:root.img', diskFormat: 'raw' };
const made = ['network', 'create', 'lan', '--cidr', '10.0.0.0/24', '--bridge', 'br0', '-q'];
const network = { name: 'lan', cidr: '10.0.0.0/24', bridge: 'br0' };

test.for<readonly [readonly string[], string, object]>([
  [create, 'buildInstance', build],
  [[...create, '--no-network'], 'buildInstance', { ...build, networks: 'none' }],
  [
    [...create, '--network', 'lan', '--network', 'wan=10.0.0.7'],
    'buildInstance',
    { ...build, networks: [{ network: 'lan' }, { network: 'wan', fixedIp: '10.0.0.7' }] },
  ],
  [[...create, '--meta', 'role=web', '--meta', 'url=a=b'], 'buildInstance', { ...build, metadata: { role: 'web', url: 'a=b' } }],
  [
    [...create, '--ephemeral', '10=ext4', '--ephemeral', '5', '--swap', '1'],
    'buildInstance',
    {
      ...build,
      blockDevices: [
        { source: 'blank', destination: 'local', sizeGiB: 10, guestFormat: 'ext4' },
        { source: 'blank', destination: 'local', sizeGiB: 5 },
        { source: 'blank', destination: 'local', sizeGiB: 1, guestFormat: 'swap' },
      ],
    },
  ],
  [[...create, '--az', 'north', '--id', id], 'buildInstance', { ...build, availabilityZone: 'north', instanceId: id }],
  [
    [...create, '--hint', `different_host=${id},${id}`, '--hint', 'build_near_host_ip=10.0.0.7'],
    'buildInstance',
    { ...build, hints: { different_host: [id, id], build_near_host_ip: '10.0.0.7' } },
  ],
  [[...create, '--no-config-drive', '--on-failure', 'park'], 'buildInstance', { ...build, configDrive: false, onFailure: 'park' }],
  [['instance', 'snapshot', 'web1', 'shot', '--no-wait'], 'snapshotInstance', { instanceId: 'id of web1', name: 'shot' }],
  [
    [
      'instance',
      'snapshot',
      'web1',
      'shot',
      '--format',
      'qcow2',
      '--compress',
      '--property',
      'a=b',
      '--id',
      id,
      '--on-failure',
      'park',
      '-q',
    ],
    'snapshotInstance',
    { instanceId: 'id of web1', name: 'shot', format: 'qcow2', compress: true, properties: { a: 'b' }, imageId: id, onFailure: 'park' },
  ],
  [
    ['instance', 'backup', 'web1', 'nightly', '--type', 'daily', '--rotation', '7', '-q'],
    'backupInstance',
    { instanceId: 'id of web1', name: 'nightly', backupType: 'daily', rotation: 7 },
  ],
  [['instance', 'delete', 'web1', '--no-wait'], 'deleteInstance', { instanceId: 'id of web1' }],
  [['instance', 'console-log', 'web1', '--bytes', '9'], 'getConsoleOutput', { instanceId: 'id of web1', maxBytes: 9 }],
  [
    ['image', 'import', 'tiny', '--url', 'https://example.org/root.img', '--format', 'raw', '--no-wait'],
    'importImage',
    { ...image, source: 'https://example.org/root.img' },
  ],
  [['image', 'delete', 'tiny', '--no-wait'], 'deleteImage', { imageId: 'id of tiny' }],
  [imported, 'importImage', image],
  [
    [...imported, '--kernel', id, '--ramdisk', id, '--property', 'os_command_line=root=/dev/vda quiet'],
    'importImage',
    { ...image, kernelId: id, ramdiskId: id, properties: { os_command_line: 'root=/dev/vda quiet' } },
  ],
  [
    [...imported, '--checksum', 'sha256:0', '--min-disk', '2', '--min-ram', '64', '--host', 'cn1', '--id', id],
    'importImage',
    { ...image, checksum: 'sha256:0', minRootGiB: 2, minMemoryMiB: 64, host: 'cn1', imageId: id },
  ],
  [
    [
      ...made,
      '--gateway',
      '10.0.0.1',
      '--pool',
      '10.0.0.9-10.0.0.99',
      '--mtu',
      '9000',
      '--dns',
      '1.1.1.1',
      '--dns',
      '9.9.9.9',
      '--default',
    ],
    'createNetwork',
    {
      ...network,
      gateway: '10.0.0.1',
      pool: { start: '10.0.0.9', end: '10.0.0.99' },
      mtu: 9000,
      dns: ['1.1.1.1', '9.9.9.9'],
      isDefault: true,
    },
  ],
  [['host', 'fence', 'cn1', '--reason', 'pulled', '-q'], 'fenceHost', { host: 'cn1', reason: 'pulled' }],
  [['host', 'enable', 'cn1', '-q'], 'enableHost', { host: 'cn1' }],
  [['host', 'disable', 'cn1', '--reason', 'bad memory', '-q'], 'disableHost', { host: 'cn1', reason: 'bad memory' }],
])('novaflow %s sends the request that was typed and nothing more', async ([argv, operation, request]) => {
  const { asked } = await call(argv, { result: async () => ({ output: '', ports: [] }) });
  expect(asked).toEqual([['start', operation, expect.any(String), request]]);
});

test.for([
  [['verify'], {}],
  [['verify', 'cn1', 'cn2'], { hosts: ['cn1', 'cn2'] }],
] as const)('novaflow %s compares these hosts, or all', async ([argv, request]) => {
  const { asked } = await call(argv, { result: async () => ({ findings: [] }) });
  expect(asked).toEqual([['start', 'verify', expect.any(String), request]]);
});

test.for([
  [['image', 'cache', 'debian', '-q'], {}],
  [['image', 'cache', 'debian', '--host', 'cn1', '--host', 'cn2', '-q'], { hosts: ['cn1', 'cn2'] }],
] as const)('novaflow %s brings the image to these hosts, or to all', async ([argv, hosts]) => {
  const { asked } = await call(argv, { result: async () => ({ imageId: 'i1', hosts: [] }) });
  expect(asked).toEqual([['start', 'cacheImage', 'debian', { imageId: 'id of debian', ...hosts }]]);
});

test.for(['--key', '--public-key'])('every key of a file of %s goes to the guest, comments do not', async (option) => {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-keys-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'authorized_keys');
  writeFileSync(file, '# two\nssh-ed25519 A me\n\nssh-ed25519 B you\n');
  const { asked } = await call([...create, option, file]);
  expect(asked).toEqual([['start', 'buildInstance', 'web1', { ...build, publicKeys: ['ssh-ed25519 A me', 'ssh-ed25519 B you'] }]]);
});

test.for([
  [['--key', '/nowhere/id.pub'], 'the key file cannot be read'],
  [['--meta', 'role'], 'key=value'],
  [['--on-failure', 'ignore'], 'Allowed choices are rollback, park'],
] as const)('instance create %s is refused before anything is started', async ([options, message]) => {
  const { exitCode, err, asked } = await call([...create, ...options]);
  expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
  expect(err).toContain(message);
});

test('a pool that is not two addresses is refused', async () => {
  const { exitCode, err } = await call([...made, '--pool', '10.0.0.9']);
  expect({ exitCode, err }).toEqual({ exitCode: 2, err: '--pool 10.0.0.9 must be two addresses, such as 10.0.0.100-10.0.0.200' });
});

test.for<readonly string[]>([[], ['--file', 'root.img', '--url', 'https://example.org/root.img']])(
  'an image comes from one place: import with %j is refused before anything is started',
  async (options) => {
    const { exitCode, err, asked } = await call(['image', 'import', 'tiny', '--format', 'raw', ...options]);
    expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
    expect(err).toContain('an import needs either --file or --url');
  },
);

test('the secrets of a build come from files and from standard input, and are sent in base64', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'novaflow-secrets-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [script, motd] = [join(directory, 'init.sh'), join(directory, 'motd')];
  writeFileSync(script, '#!/bin/sh\n');
  writeFileSync(motd, Buffer.from([0, 255]));
  const typed = [...create, '--user-data', script, '--file', `/etc/motd=${motd}`, '--file', `/root/b=${motd}`, '--admin-password-stdin'];
  const { asked } = await call(typed, {}, keptTerminal({ input: 'pass word\nnot this\n' }));
  const secrets = {
    userData: Buffer.from('#!/bin/sh\n').toString('base64'),
    files: [
      { path: '/etc/motd', contentsBase64: 'AP8=' },
      { path: '/root/b', contentsBase64: 'AP8=' },
    ],
    adminPassword: 'pass word',
  };
  expect(asked).toEqual([['start', 'buildInstance', 'web1', { ...build, ...secrets }]]);
});

test.for(['--user-data', '--file'])('a file of %s that cannot be read is named, and nothing is started', async (option) => {
  const { exitCode, err, asked } = await call([...create, option, option === '--file' ? '/etc/motd=/nowhere/at/all' : '/nowhere/at/all']);
  expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
  expect(err).toMatch(/a file for the guest cannot be read: .*\/nowhere\/at\/all/);
});

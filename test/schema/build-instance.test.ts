import { expect, test } from 'vitest';
import { parseRequest } from '../../src/schema/parse.ts';
import { requests } from '../../src/schema/request.ts';

const request = { name: 'web1', flavor: 'm1.tiny', image: 'debian' };
const flavor = { name: 'own', vcpus: 1, memoryMiB: 64, rootGiB: 1 };
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS web';

const name = 'must be one line of 1 to 255 characters, without control characters';
const vcpus = 'must be a whole number from 1 to 512';
const memory = 'must be a whole number from 1 to 16777216';
const disk = 'must be a whole number from 0 to 65536';
const flavorForm = 'must be the name of a flavor, or an object { name, vcpus, memoryMiB, rootGiB, … }';
const networksForm = 'must be "auto", "none" or a list of { network, fixedIp? }';
const networkName = 'must be the name of a network: 1 to 63 of letters, digits, ".", "_" and "-"';
const address = 'must be an IPv4 address';
const id = 'must be a UUID in lower case';
const ownKey = 'is a key that is refused: one line of 1 to 255 characters, without control characters';
const mapText = 'must be text of at most 1024 characters, without control characters';
const publicKey = 'must be an OpenSSH public key in one line, as in ~/.ssh/id_ed25519.pub';
const password = 'must be one line of 1 to 255 characters, without control characters';
const filePath = 'must be an absolute path of at most 255 characters, without "..", "." and control characters';
const needsDrive = 'must not be false: userData, files and adminPassword reach a guest by its config drive alone';
const noNull = 'must not be null: a field without a value is left out';

const blank = { source: 'blank', destination: 'local' };

const refused: readonly [change: Record<string, unknown>, field: string, message: string][] = [
  [{ name: undefined }, 'name', 'is required'],
  [{ name: null }, 'name', noNull],
  [{ name: '' }, 'name', name],
  [{ name: '   ' }, 'name', name],
  [{ name: 5 }, 'name', name],
  [{ name: ['web1'] }, 'name', name],
  [{ name: 'x'.repeat(256) }, 'name', name],
  [{ name: 'web\n1' }, 'name', name],
  [{ name: 'web\u00001' }, 'name', name],
  [{ name: 'web\u001b[31m' }, 'name', name],
  [{ name: 'web\u007f' }, 'name', name],
  [{ name: 'web\u0085' }, 'name', name],
  [{ name: 'web\u2028' }, 'name', name],
  [{ name: 'web\u202e1' }, 'name', name],
  [{ name: 'web\ufffe' }, 'name', name],
  [{ name: 'web\ud800' }, 'name', name],
  [{ flavor: undefined }, 'flavor', 'is required'],
  [{ flavor: null }, 'flavor', noNull],
  [{ flavor: '' }, 'flavor', name],
  [{ flavor: 5 }, 'flavor', flavorForm],
  [{ flavor: true }, 'flavor', flavorForm],
  [{ flavor: [] }, 'flavor', flavorForm],
  [{ flavor: {} }, 'flavor.name', 'is required'],
  [{ flavor: { ...flavor, name: 'a\tb' } }, 'flavor.name', name],
  [{ flavor: { ...flavor, vcpus: undefined } }, 'flavor.vcpus', 'is required'],
  [{ flavor: { ...flavor, vcpus: null } }, 'flavor.vcpus', noNull],
  [{ flavor: { ...flavor, vcpus: 0 } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: -1 } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: 1.5 } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: '2' } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: Number.NaN } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: Number.POSITIVE_INFINITY } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: 513 } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: 1e9 } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, vcpus: true } }, 'flavor.vcpus', vcpus],
  [{ flavor: { ...flavor, memoryMiB: null } }, 'flavor.memoryMiB', noNull],
  [{ flavor: { ...flavor, memoryMiB: 0 } }, 'flavor.memoryMiB', memory],
  [{ flavor: { ...flavor, memoryMiB: -1 } }, 'flavor.memoryMiB', memory],
  [{ flavor: { ...flavor, memoryMiB: 1.5 } }, 'flavor.memoryMiB', memory],
  [{ flavor: { ...flavor, memoryMiB: '64' } }, 'flavor.memoryMiB', memory],
  [{ flavor: { ...flavor, memoryMiB: 1e9 } }, 'flavor.memoryMiB', memory],
  [{ flavor: { ...flavor, rootGiB: -1 } }, 'flavor.rootGiB', disk],
  [{ flavor: { ...flavor, rootGiB: 0.5 } }, 'flavor.rootGiB', disk],
  [{ flavor: { ...flavor, rootGiB: '1' } }, 'flavor.rootGiB', disk],
  [{ flavor: { ...flavor, rootGiB: 1e9 } }, 'flavor.rootGiB', disk],
  [{ flavor: { ...flavor, rootGiB: null } }, 'flavor.rootGiB', noNull],
  [{ flavor: { ...flavor, ephemeralGiB: -1 } }, 'flavor.ephemeralGiB', disk],
  [{ flavor: { ...flavor, ephemeralGiB: null } }, 'flavor.ephemeralGiB', noNull],
  [{ flavor: { ...flavor, swapMiB: 1e9 } }, 'flavor.swapMiB', 'must be a whole number from 0 to 1048576'],
  [{ flavor: { ...flavor, extraSpecs: { 'hw:cpu': 1 } } }, 'flavor.extraSpecs["hw:cpu"]', mapText],
  [{ flavor: { ...flavor, disk: 1 } }, 'flavor.disk', 'is not a known field'],
  [{ image: undefined }, 'image', 'is required: starting without an image is not supported yet'],
  [{ image: null }, 'image', noNull],
  [{ image: '' }, 'image', name],
  [{ image: {} }, 'image', name],
  [{ instanceId: null }, 'instanceId', noNull],
  [{ instanceId: 'web1' }, 'instanceId', id],
  [{ instanceId: '' }, 'instanceId', id],
  [{ instanceId: '../../etc/passwd' }, 'instanceId', id],
  [{ instanceId: '0f8fad5b-d9cb-469f-a165-70867728950E' }, 'instanceId', id],
  [{ instanceId: '0f8fad5b-d9cb-469f-a165-70867728950e/../x' }, 'instanceId', id],
  [{ instanceId: '0f8fad5b-d9cb-469f-a165-70867728950e\n' }, 'instanceId', id],
  [{ instanceId: '0f8fad5bd9cb469fa16570867728950e' }, 'instanceId', id],
  [{ networks: null }, 'networks', noNull],
  [{ networks: 'all' }, 'networks', networksForm],
  [{ networks: {} }, 'networks', networksForm],
  [{ networks: 1 }, 'networks', networksForm],
  [{ networks: [] }, 'networks', 'must name a network, or be "none"'],
  [{ networks: Array(17).fill({ network: 'a' }) }, 'networks', 'must name at most 16 networks'],
  [{ networks: ['default'] }, 'networks[0]', 'must be an object { network, fixedIp? }'],
  [{ networks: [null] }, 'networks[0]', noNull],
  [{ networks: [{}] }, 'networks[0].network', 'is required'],
  [{ networks: [{ network: '../x' }] }, 'networks[0].network', networkName],
  [{ networks: [{ network: 'a b' }] }, 'networks[0].network', networkName],
  [{ networks: [{ network: 'x'.repeat(64) }] }, 'networks[0].network', networkName],
  [{ networks: [{ network: 'a' }, { network: 'b', fixedIp: '10.0.0.256' }] }, 'networks[1].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: '10.0.0' }] }, 'networks[0].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: '010.0.0.1' }] }, 'networks[0].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: '10.0.0.1/24' }] }, 'networks[0].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: 'fe80::1' }] }, 'networks[0].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: '' }] }, 'networks[0].fixedIp', address],
  [{ networks: [{ network: 'a', fixedIp: null }] }, 'networks[0].fixedIp', noNull],
  [{ networks: [{ network: 'a', mac: 'fa:16:3e:00:00:01' }] }, 'networks[0].mac', 'is not a known field'],
  [{ configDrive: 'yes' }, 'configDrive', 'must be true or false'],
  [{ configDrive: 1 }, 'configDrive', 'must be true or false'],
  [{ configDrive: null }, 'configDrive', noNull],
  [{ publicKeys: key }, 'publicKeys', 'must be a list of public keys'],
  [{ publicKeys: Array(17).fill(key) }, 'publicKeys', 'must have at most 16 keys'],
  [{ publicKeys: ['ssh-ed25519'] }, 'publicKeys[0]', publicKey],
  [{ publicKeys: [key, `${key}\n${key}`] }, 'publicKeys[1]', publicKey],
  [{ publicKeys: [`command="sh" ${key}`] }, 'publicKeys[0]', publicKey],
  [{ publicKeys: [key.replace('ssh-ed25519', 'ssh-rsa')] }, 'publicKeys[0]', publicKey],
  [{ publicKeys: [null] }, 'publicKeys[0]', noNull],
  [{ metadata: [] }, 'metadata', 'must be an object of strings'],
  [{ metadata: 'a=b' }, 'metadata', 'must be an object of strings'],
  [{ metadata: null }, 'metadata', noNull],
  [{ metadata: { role: 1 } }, 'metadata.role', mapText],
  [{ metadata: { role: null } }, 'metadata.role', noNull],
  [{ metadata: { role: 'x'.repeat(1025) } }, 'metadata.role', mapText],
  [{ metadata: { role: 'a\u0000b' } }, 'metadata.role', mapText],
  [{ metadata: { '': 'x' } }, 'metadata[""]', ownKey],
  [{ metadata: { 'a\nb': 'x' } }, 'metadata["a\\nb"]', ownKey],
  [{ metadata: { ['k'.repeat(256)]: 'x' } }, `metadata["${'k'.repeat(64)}…"]`, ownKey],
  [{ metadata: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, 'v'])) }, 'metadata', 'must have at most 64 entries'],
  [{ availabilityZone: '' }, 'availabilityZone', name],
  [{ availabilityZone: null }, 'availabilityZone', noNull],
  [{ onFailure: 'retry' }, 'onFailure', 'must be "rollback" or "park"'],
  [{ onFailure: null }, 'onFailure', noNull],
  [{ hints: { same_host: 'web1' } }, 'hints.same_host', id],
  [{ hints: { same_host: [] } }, 'hints.same_host', 'must name an instance'],
  [{ hints: { different_host: ['web1'] } }, 'hints.different_host[0]', id],
  [{ hints: { build_near_host_ip: 'cn1' } }, 'hints.build_near_host_ip', address],
  [{ hints: { build_near_host_ip: '10.0.0.7', cidr: '24' } }, 'hints.cidr', 'must be the length of a prefix: /0 to /32'],
  [{ hints: { cidr: '/16' } }, 'hints.cidr', 'needs build_near_host_ip: it is the subnet of that address'],
  [{ hints: { group: 'web' } }, 'hints.group', 'is not a known field'],
  [{ blockDevices: null }, 'blockDevices', noNull],
  [{ blockDevices: {} }, 'blockDevices', 'must be a list of block devices'],
  [{ blockDevices: Array(17).fill(blank) }, 'blockDevices', 'must have at most 16 block devices'],
  [{ blockDevices: ['vda'] }, 'blockDevices[0]', 'must be an object { source, destination, … }'],
  [{ blockDevices: [{ source: 'blank' }] }, 'blockDevices[0].destination', 'is required'],
  [{ blockDevices: [{ ...blank, source: 'volume' }] }, 'blockDevices[0].source', '"volume" is not supported yet: give "blank" or "image"'],
  [{ blockDevices: [{ ...blank, source: 'ramdisk' }] }, 'blockDevices[0].source', 'must be "blank" or "image"'],
  [{ blockDevices: [{ ...blank, destination: 'volume' }] }, 'blockDevices[0].destination', '"volume" is not supported yet: give "local"'],
  [{ blockDevices: [{ ...blank, volume: { driver: 'nbd' } }] }, 'blockDevices[0].volume', 'is not supported yet'],
  [{ blockDevices: [{ ...blank, sizeGiB: 0 }] }, 'blockDevices[0].sizeGiB', 'must be a whole number from 1 to 65536'],
  [{ blockDevices: [{ ...blank, deviceName: 'vdb' }] }, 'blockDevices[0].deviceName', 'is not a known field'],
  [{ userData: '#cloud-config' }, 'userData', 'must be base64'],
  [{ userData: 'aGk' }, 'userData', 'must be base64'],
  [{ userData: 'aGk=\naGk=' }, 'userData', 'must be base64'],
  [{ userData: '' }, 'userData', 'must be base64 of at least a byte'],
  [{ userData: 'A'.repeat(65_536) }, 'userData', 'must be base64 of at most 65535 characters'],
  [{ userData: null }, 'userData', noNull],
  [{ userData: { base64: 'aGk=' } }, 'userData', 'must be base64'],
  [{ files: {} }, 'files', 'must be a list of { path, contentsBase64 }'],
  [{ files: Array.from({ length: 6 }, (_, n) => ({ path: `/${n}`, contentsBase64: '' })) }, 'files', 'must be at most 5 files'],
  [{ files: ['/etc/motd'] }, 'files[0]', 'must be an object { path, contentsBase64 }'],
  [{ files: [{ path: '/etc/motd' }] }, 'files[0].contentsBase64', 'is required'],
  [{ files: [{ contentsBase64: 'aGk=' }] }, 'files[0].path', 'is required'],
  [{ files: [{ path: '/etc/motd', contentsBase64: 'hi' }] }, 'files[0].contentsBase64', 'must be base64'],
  [{ files: [{ path: '/a', contentsBase64: 'A'.repeat(13_660) }] }, 'files[0].contentsBase64', 'must be of at most 10240 bytes'],
  [{ files: [{ path: '/etc/motd', contents: 'hi' }] }, 'files[0].contents', 'is not a known field'],
  ...['etc/motd', '/', '/etc/../root', '/..', '/etc/./a', '/etc//a', '/etc/', '/a\nb', `/${'x'.repeat(255)}`].map(
    (path): [Record<string, unknown>, string, string] => [{ files: [{ path, contentsBase64: '' }] }, 'files[0].path', filePath],
  ),
  [{ files: Array(2).fill({ path: '/a', contentsBase64: '' }) }, 'files', 'must not have two files of one path'],
  [{ adminPassword: '' }, 'adminPassword', password],
  [{ adminPassword: 'two\nlines' }, 'adminPassword', password],
  [{ adminPassword: 'x'.repeat(256) }, 'adminPassword', password],
  [{ adminPassword: 5 }, 'adminPassword', password],
  [{ adminPassword: null }, 'adminPassword', noNull],
  [{ configDrive: false, adminPassword: 'x' }, 'configDrive', needsDrive],
  [{ configDrive: false, userData: 'aGk=' }, 'configDrive', needsDrive],
  [{ configDrive: false, files: [] }, 'configDrive', needsDrive],
  [{ Name: 'web1' }, 'Name', 'is not a known field'],
  [{ memory_mb: 5 }, 'memory_mb', 'is not a known field'],
];

test.for(refused)('%j is refused: %s %s', ([change, field, message]) => {
  const parsed = parseRequest(requests.buildInstance, { ...request, ...change });
  expect(parsed.ok ? [] : parsed.fields).toContainEqual({ field, message });
});

test('each field at fault is named once, and no other is', () => {
  const parsed = parseRequest(requests.buildInstance, { ...request, name: '', flavor: { ...flavor, vcpus: 0, swapMiB: 0.5 }, zone: 'a' });
  expect(parsed).toEqual({
    ok: false,
    fields: [
      { field: 'name', message: name },
      { field: 'flavor.vcpus', message: vcpus },
      { field: 'flavor.swapMiB', message: 'must be a whole number from 0 to 1048576' },
      { field: 'zone', message: 'is not a known field' },
    ],
  });
});

const accepted: readonly Record<string, unknown>[] = [
  {},
  { name: 'x'.repeat(255) },
  { name: '😀'.repeat(255) },
  { name: 'Ärger & <Söhne> "1"' },
  { image: '0f8fad5b-d9cb-469f-a165-70867728950e' },
  { instanceId: '0f8fad5b-d9cb-469f-a165-70867728950e' },
  { networks: 'auto' },
  { networks: 'none' },
  { networks: [{ network: 'default' }, { network: 'back.end_2', fixedIp: '10.0.0.9' }] },
  { configDrive: false },
  { publicKeys: [key, key.slice(0, key.lastIndexOf(' '))] },
  { metadata: { 'any key': '', lines: 'a\n\tb', constructor: 'x' } },
  { availabilityZone: 'nova' },
  { hints: { same_host: '4f9e0b1c-0d0a-4a3e-9a57-0a4d2f0f8e11', build_near_host_ip: '10.0.0.7', cidr: '/16' } },
  { hints: { different_host: ['4f9e0b1c-0d0a-4a3e-9a57-0a4d2f0f8e11'] } },
  { blockDevices: [] },
  {
    blockDevices: [
      { source: 'image', destination: 'local', bootIndex: 0 },
      { ...blank, sizeGiB: 1, guestFormat: 'swap', bootIndex: -1 },
    ],
  },
  { onFailure: 'park' },
  { userData: 'IyEvYmluL3No' },
  { userData: 'A'.repeat(65_532) },
  {
    files: [
      { path: '/etc/motd', contentsBase64: '' },
      { path: '/root/.profile', contentsBase64: 'A'.repeat(13_652) },
    ],
  },
  { adminPassword: 'pass word "with" <all> \'sorts\' of ünïcode $(x)' },
];

test('a refusal repeats nothing of a secret', () => {
  const secrets = { adminPassword: 'canary\n', userData: 'canary!', files: [{ path: 'canary', contentsBase64: 'canary!' }] };
  const parsed = parseRequest(requests.buildInstance, { ...request, ...secrets });
  expect(parsed.ok ? [] : parsed.fields.map(({ field }) => field)).toEqual([
    'userData',
    'files[0].path',
    'files[0].contentsBase64',
    'adminPassword',
  ]);
  expect(JSON.stringify(parsed)).not.toContain('canary');
});

test.for(accepted)('%j is accepted as it is', (change) => {
  const whole = { ...request, ...change };
  expect(parseRequest(requests.buildInstance, whole)).toEqual({ ok: true, value: whole });
});

test('a flavor that is spelled out gets no ephemeral disk, no swap and no extra specs unless it names them', () => {
  const parsed = parseRequest(requests.buildInstance, { ...request, flavor: { ...flavor, vcpus: 512, rootGiB: 0 } });
  expect(parsed).toMatchObject({
    ok: true,
    value: { flavor: { name: 'own', vcpus: 512, memoryMiB: 64, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} } },
  });
});

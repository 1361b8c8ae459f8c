import { expect, test } from 'vitest';
import { parseRequest } from '../../src/schema/parse.ts';
import { decisions, requests } from '../../src/schema/request.ts';

const all = { ...requests, ...decisions };
const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';

/** A request of each operation that is accepted, with every field it may have. */
const whole = {
  buildInstance: { name: 'web1', flavor: 'm1.tiny', image: 'debian', onFailure: 'park' },
  deleteInstance: { instanceId: uuid, onFailure: 'rollback' },
  startInstance: { instanceId: uuid, onFailure: 'park' },
  stopInstance: { instanceId: uuid, mode: 'clean', timeoutSeconds: 60, onFailure: 'park' },
  rebootInstance: { instanceId: uuid, mode: 'soft', onFailure: 'park' },
  pauseInstance: { instanceId: uuid, onFailure: 'park' },
  unpauseInstance: { instanceId: uuid, onFailure: 'park' },
  suspendInstance: { instanceId: uuid, onFailure: 'park' },
  resumeInstance: { instanceId: uuid, onFailure: 'park' },
  setInstancePassword: { instanceId: uuid, adminPassword: 'secret', onFailure: 'park' },
  triggerCrashDump: { instanceId: uuid, onFailure: 'park' },
  getScreenshot: { instanceId: uuid, onFailure: 'park' },
  softDeleteInstance: { instanceId: uuid, onFailure: 'park' },
  restoreInstance: { instanceId: uuid, onFailure: 'park' },
  reclaimInstance: { instanceId: uuid, until: '2026-11-27T09:30:00.000Z', onFailure: 'park' },
  lockInstance: { instanceId: uuid, reason: 'under investigation', onFailure: 'park' },
  unlockInstance: { instanceId: uuid, onFailure: 'park' },
  renameInstance: { instanceId: uuid, name: 'web2', onFailure: 'park' },
  setInstanceMetadata: { instanceId: uuid, metadata: { role: 'web' }, onFailure: 'park' },
  snapshotInstance: {
    instanceId: uuid,
    name: 'web1 before the upgrade',
    mode: 'cold',
    format: 'qcow2',
    compress: true,
    imageId: uuid,
    properties: { os_distro: 'debian' },
    onFailure: 'rollback',
  },
  backupInstance: { instanceId: uuid, name: 'web1', backupType: 'daily', rotation: 7, onFailure: 'rollback' },
  getConsoleOutput: { instanceId: uuid, maxBytes: 4096, onFailure: 'rollback' },
  openConsole: { instanceId: uuid, kind: 'serial', onFailure: 'rollback' },
  deleteImage: { imageId: uuid, onFailure: 'park' },
  importImage: {
    name: 'debian',
    source: 'file:/srv/images/debian.qcow2',
    diskFormat: 'qcow2',
    checksum: `sha256:${'0a'.repeat(32)}`,
    imageId: uuid,
    kernelId: uuid,
    ramdiskId: uuid,
    properties: { hw_machine_type: 'q35' },
    minRootGiB: 2,
    minMemoryMiB: 512,
    host: 'cn1',
    onFailure: 'rollback',
  },
  createNetwork: {
    name: 'default',
    cidr: '10.0.0.0/24',
    bridge: 'br0',
    gateway: '10.0.0.1',
    pool: { start: '10.0.0.10', end: '10.0.0.99' },
    mtu: 1500,
    dns: ['9.9.9.9'],
    isDefault: true,
    onFailure: 'rollback',
  },
  resizeInstance: {
    instanceId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    flavor: 'm1.small',
    host: 'cn2',
    confirmWindowSeconds: 86_400,
    onFailure: 'park',
  },
  migrateInstance: { instanceId: '0f8fad5b-d9cb-469f-a165-70867728950e', host: 'cn2', confirmWindowSeconds: 0, onFailure: 'rollback' },
  liveMigrateInstance: {
    instanceId: uuid,
    host: 'cn2',
    blockMigration: 'auto',
    bandwidthMiBps: 0,
    maxDowntimeMs: 300,
    completionTimeoutSeconds: 600,
    onTimeout: 'forceComplete',
    postCopy: false,
    autoConverge: true,
    diskOverCommit: false,
    onFailure: 'park',
  },
  enableHost: { host: 'cn1', reason: 'new disk', onFailure: 'rollback' },
  disableHost: { host: 'cn1', reason: 'disk fails', onFailure: 'rollback' },
  cacheImage: { imageId: '0f8fad5b-d9cb-469f-a165-70867728950e', hosts: ['cn1', 'cn2'], onFailure: 'rollback' },
  fenceHost: { host: 'cn1', reason: 'power supply pulled', onFailure: 'park' },
  auditHost: { host: 'cn1', onFailure: 'rollback' },
  verify: { hosts: ['cn1', 'cn2'], onFailure: 'rollback' },
  retry: { reason: 'cn1 has a new disk', park: 2, input: { host: 'cn2' } },
  rollback: { reason: 'not wanted any more', park: 1 },
  confirm: {},
  revert: { reason: 'slower than before' },
  abort: {},
  forceComplete: {},
  setPolicy: { bandwidthMiBps: 100, maxDowntimeMs: 500 },
} as const satisfies Record<keyof typeof all, object>;

const names = Object.keys(whole) as (keyof typeof whole)[];

test.for(names)('%s takes every field of its contract', (name) => {
  expect(parseRequest(all[name], whole[name])).toEqual({ ok: true, value: whole[name] });
});

test.for(names)('%s refuses a field that is not in its contract', (name) => {
  expect(parseRequest(all[name], { ...whole[name], force: true })).toEqual({
    ok: false,
    fields: [{ field: 'force', message: 'is not a known field' }],
  });
});

test.for(names)('%s refuses null for each of its fields', (name) => {
  for (const field of Object.keys(whole[name])) {
    const parsed = parseRequest(all[name], { ...whole[name], [field]: null });
    expect(parsed.ok ? [] : parsed.fields).toContainEqual({ field, message: 'must not be null: a field without a value is left out' });
  }
});

const hostName = 'must be the name of a host: 1 to 63 of a-z, 0-9 and "-"';
const file =
  'must be file: and a path of at most 1024 characters, without "..", or an https: URL of at most 2048, without credentials and fragment';
const remote = 'must not be http:, on whose way anybody may change the image: give https:';
const checksum = 'must be sha256: and 64 hexadecimal digits in lower case';
const bridge = 'must be the name of a bridge: 1 to 15 of letters, digits, ".", "_" and "-"';
const subnet = 'must be an IPv4 subnet, such as 10.0.0.0/24';
const reason = 'must be text of 1 to 500 characters, without control characters';

const refused: readonly [name: keyof typeof all, change: Record<string, unknown>, field: string, message: string][] = [
  ['deleteInstance', { instanceId: undefined }, 'instanceId', 'is required'],
  ['deleteInstance', { instanceId: '../x' }, 'instanceId', 'must be a UUID in lower case'],
  ['startInstance', { instanceId: 'web1' }, 'instanceId', 'must be a UUID in lower case'],
  ['stopInstance', { mode: 'soft' }, 'mode', 'must be "clean" or "hard"'],
  ['stopInstance', { timeoutSeconds: 86_401 }, 'timeoutSeconds', 'must be a whole number from 0 to 86400'],
  ['rebootInstance', { mode: undefined }, 'mode', 'is required'],
  ['rebootInstance', { mode: 'clean' }, 'mode', 'must be "soft" or "hard"'],
  ['lockInstance', { reason: '' }, 'reason', 'must be text of 1 to 500 characters, without control characters'],
  ['renameInstance', { name: 'a\nb' }, 'name', 'must be one line of 1 to 255 characters, without control characters'],
  ['setInstanceMetadata', { metadata: undefined }, 'metadata', 'is required'],
  ['snapshotInstance', { name: undefined }, 'name', 'is required'],
  ['snapshotInstance', { mode: 'hot' }, 'mode', 'must be "auto", "live" or "cold"'],
  ['snapshotInstance', { format: 'vmdk' }, 'format', 'must be "qcow2" or "raw"'],
  ['snapshotInstance', { compress: 1 }, 'compress', 'must be true or false'],
  ['backupInstance', { backupType: '' }, 'backupType', 'must be text of 1 to 64 characters, without control characters'],
  ['backupInstance', { rotation: undefined }, 'rotation', 'is required'],
  ['backupInstance', { rotation: -1 }, 'rotation', 'must be a whole number from 0 to 1000'],
  ['reclaimInstance', { until: 'tomorrow' }, 'until', 'must be a time in UTC with milliseconds, such as 2026-11-27T09:30:00.000Z'],
  ['openConsole', { kind: 'spice' }, 'kind', 'must be "serial" or "vnc"'],
  ['getConsoleOutput', { maxBytes: 0 }, 'maxBytes', 'must be a whole number from 1 to 262144'],
  ['getConsoleOutput', { maxBytes: 262_145 }, 'maxBytes', 'must be a whole number from 1 to 262144'],
  ['importImage', { source: undefined }, 'source', 'is required'],
  ['importImage', { source: 'http://example.org/a.img' }, 'source', remote],
  ['importImage', { source: 'https://' }, 'source', file],
  ['importImage', { source: 'https://user:secret@example.org/a.img' }, 'source', file],
  ['importImage', { source: 'https://example.org/a.img#b' }, 'source', file],
  ['importImage', { source: 'https://example.org/a b' }, 'source', file],
  ['importImage', { source: 'https://example.org\\@127.0.0.1/' }, 'source', file],
  ['importImage', { source: '/srv/a.img' }, 'source', file],
  ['importImage', { source: 'file:' }, 'source', file],
  ['importImage', { source: 'file:../etc/shadow' }, 'source', file],
  ['importImage', { source: 'file:/srv/images/../../etc/shadow' }, 'source', file],
  ['importImage', { source: 'file:/srv/images/..' }, 'source', file],
  ['importImage', { source: 'file:..' }, 'source', file],
  ['importImage', { source: 'file:/srv/a\nb' }, 'source', file],
  ['importImage', { source: `file:/${'a'.repeat(1024)}` }, 'source', file],
  ['importImage', { source: 'ftp://example.org/a.img' }, 'source', file],
  ['importImage', { diskFormat: 'vhd' }, 'diskFormat', 'must be "raw", "qcow2", "vmdk", "iso", "aki" or "ari"'],
  ['importImage', { checksum: '0a'.repeat(32) }, 'checksum', checksum],
  ['importImage', { checksum: `sha256:${'0A'.repeat(32)}` }, 'checksum', checksum],
  ['importImage', { checksum: `sha512:${'0a'.repeat(64)}` }, 'checksum', checksum],
  ['importImage', { imageId: 'debian' }, 'imageId', 'must be a UUID in lower case'],
  ['importImage', { minRootGiB: -1 }, 'minRootGiB', 'must be a whole number from 0 to 65536'],
  ['importImage', { minMemoryMiB: 1e9 }, 'minMemoryMiB', 'must be a whole number from 0 to 16777216'],
  ['importImage', { host: 'CN1' }, 'host', hostName],
  ['createNetwork', { name: 'a/b' }, 'name', 'must be the name of a network: 1 to 63 of letters, digits, ".", "_" and "-"'],
  ['createNetwork', { cidr: '10.0.0.0' }, 'cidr', subnet],
  ['createNetwork', { cidr: '10.0.0.0/33' }, 'cidr', subnet],
  ['createNetwork', { cidr: 'fd00::/64' }, 'cidr', subnet],
  ['createNetwork', { bridge: 'a'.repeat(16) }, 'bridge', bridge],
  ['createNetwork', { bridge: 'br/0' }, 'bridge', bridge],
  ['createNetwork', { bridge: '-br0' }, 'bridge', bridge],
  ['createNetwork', { gateway: 'router' }, 'gateway', 'must be an IPv4 address'],
  ['createNetwork', { pool: { start: '10.0.0.10' } }, 'pool.end', 'is required'],
  ['createNetwork', { pool: '10.0.0.10-20' }, 'pool', 'must be an object { start, end }'],
  ['createNetwork', { mtu: 575 }, 'mtu', 'must be a whole number from 576 to 9216'],
  ['createNetwork', { dns: '9.9.9.9' }, 'dns', 'must be a list of IPv4 addresses'],
  ['createNetwork', { dns: ['9.9.9.9', 'dns.example'] }, 'dns[1]', 'must be an IPv4 address'],
  ['createNetwork', { isDefault: 'yes' }, 'isDefault', 'must be true or false'],
  ['enableHost', { host: 'a.example.org' }, 'host', hostName],
  ['enableHost', { host: '-a' }, 'host', hostName],
  ['disableHost', { host: 'x'.repeat(64) }, 'host', hostName],
  ['disableHost', { reason: '' }, 'reason', reason],
  ['disableHost', { reason: 'x'.repeat(501) }, 'reason', reason],
  ['cacheImage', { imageId: 'debian' }, 'imageId', 'must be a UUID in lower case'],
  ['cacheImage', { hosts: [] }, 'hosts', 'must name a host'],
  ['fenceHost', { reason: undefined }, 'reason', 'is required'],
  ['auditHost', { host: undefined }, 'host', 'is required'],
  ['verify', { hosts: [] }, 'hosts', 'must name a host'],
  ['verify', { hosts: ['cn1', '../cn2'] }, 'hosts[1]', hostName],
  ['resizeInstance', { flavor: 7 }, 'flavor', 'must be the name of a flavor, or an object { name, vcpus, memoryMiB, rootGiB, … }'],
  ['liveMigrateInstance', { blockMigration: 'maybe' }, 'blockMigration', 'must be "auto", "yes" or "no"'],
  ['liveMigrateInstance', { bandwidthMiBps: -1 }, 'bandwidthMiBps', 'must be a whole number from 0 to 1000000'],
  ['liveMigrateInstance', { maxDowntimeMs: 0 }, 'maxDowntimeMs', 'must be a whole number from 1 to 2000000'],
  ['liveMigrateInstance', { completionTimeoutSeconds: 0 }, 'completionTimeoutSeconds', 'must be a whole number from 1 to 2592000'],
  ['liveMigrateInstance', { onTimeout: 'wait' }, 'onTimeout', 'must be "abort" or "forceComplete"'],
  ['liveMigrateInstance', { postCopy: 'yes' }, 'postCopy', 'must be true or false'],
  ['liveMigrateInstance', { autoConverge: 1 }, 'autoConverge', 'must be true or false'],
  ['liveMigrateInstance', { diskOverCommit: 'no' }, 'diskOverCommit', 'must be true or false'],
  ['setPolicy', { bandwidthMiBps: 1.5 }, 'bandwidthMiBps', 'must be a whole number from 0 to 1000000'],
  ['migrateInstance', { confirmWindowSeconds: -1 }, 'confirmWindowSeconds', 'must be a whole number from 0 to 315360000'],
  ['revert', { reason: '' }, 'reason', reason],
  ['retry', { reason: undefined }, 'reason', 'is required'],
  ['retry', { park: 0 }, 'park', 'must be a whole number from 1 to 1000000'],
  ['retry', { input: [] }, 'input', 'must be an object'],
  ['rollback', { reason: 'x\u0007' }, 'reason', reason],
];

test.for(refused)('%s with %j is refused: %s %s', ([name, change, field, message]) => {
  const parsed = parseRequest(all[name], { ...whole[name], ...change });
  expect(parsed.ok ? [] : parsed.fields).toContainEqual({ field, message });
});

test('an image with a ramdisk names its kernel too', () => {
  const { kernelId: _, ...rest } = whole.importImage;
  expect(parseRequest(requests.importImage, rest)).toEqual({
    ok: false,
    fields: [{ field: 'ramdiskId', message: 'needs kernelId: a ramdisk starts with its kernel' }],
  });
});

test.for(['file:debian.img', 'file:/a..b/..c/d..', 'file:///srv/a b.img', 'https://example.org', 'https://[::1]:8443/a@b?c=d%20e'])(
  '%s is a source',
  (source) => {
    expect(parseRequest(requests.importImage, { ...whole.importImage, source }).ok).toBe(true);
  },
);

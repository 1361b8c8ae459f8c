import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { variableOf } from '../src/config/names.ts';
import { settings, settingsOf } from '../src/config/settings.ts';
import { ConfigError, type ConfigSources, configYaml, loadConfig } from '../src/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'novaflow-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

let written = 0;
function fileWith(text: string): string {
  written += 1;
  const file = join(directory, `${written}.yaml`);
  writeFileSync(file, text);
  return file;
}

/** The lines of the refusal of a configuration; none when it is accepted. */
function problems(sources: ConfigSources): string[] {
  try {
    loadConfig({ env: {}, hostname: 'cn1', file: fileWith(''), ...sources });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

test('without a setting anywhere the defaults hold', () => {
  const { flavors, ...others } = loadConfig({ env: {}, hostname: 'CN1.example.org', file: fileWith('# nothing\n') });
  expect(flavors.map(({ name }) => name)).toEqual(['m1.tiny', 'm1.small', 'm1.medium', 'm1.large', 'lab.tiny']);
  expect(others).toEqual({
    host: {
      name: 'cn1',
      address: 'cn1',
      availabilityZone: null,
      cpuMetrics: false,
      pciDevices: [],
      cpuDedicatedSet: null,
      cpuSharedSet: null,
      capacity: { vcpus: null, memoryMiB: null, diskGiB: null },
      reserved: { vcpus: 0, memoryMiB: 512, diskGiB: 0 },
      ratios: { vcpus: 4, memory: 1, disk: 1 },
    },
    libvirt: { socket: '/run/libvirt/libvirt-sock', saveDir: '/var/lib/libvirt/qemu/save' },
    instancesDir: '/var/lib/nova/instances',
    imagesType: 'qcow2',
    growFileSystem: 'auto',
    useCowImages: true,
    allowResizeToSameHost: false,
    resizeConfirmWindowSeconds: 0,
    isolate: { devices: [] },
    lvm: { volumeGroup: null, thinPool: null },
    defaultEphemeralFormat: null,
    imageStore: { directory: '/var/lib/novaflow/images' },
    disableLiveSnapshot: false,
    forceRawImages: true,
    imageCache: { keepHours: 24, passSeconds: 2400, precacheConcurrency: 4 },
    importDirectory: '/var/lib/novaflow/import',
    imports: { caFile: null, maxSizeMiB: 1_048_576, allowedNetworks: [], silenceSeconds: 60 },
    vifPlugTimeoutSeconds: 300,
    vifPlugIsFatal: true,
    vnc: { enabled: false },
    consolePorts: { first: 10_000, last: 20_000 },
    transferPorts: { first: 20_001, last: 20_512 },
    transferSilenceSeconds: 60,
    liveMigration: {
      tls: true,
      inboundAddress: null,
      bandwidthMiBps: 0,
      downtimeMs: 500,
      downtimeSteps: 10,
      downtimeDelaySeconds: 75,
      completionTimeoutSeconds: 800,
      timeoutAction: 'abort',
      permitPostCopy: false,
      permitAutoConverge: false,
      parallelConnections: 1,
      compression: 'none',
    },
    pkiDir: '/etc/pki',
    runDir: '/run/novaflow',
    syncPowerStateIntervalSeconds: 600,
    resumeGuestsStateOnHostBoot: true,
    shutdownTimeoutSeconds: 60,
    shutdownRetrySeconds: 10,
    softRebootTimeoutSeconds: 120,
    reclaimInstanceIntervalSeconds: 0,
    evacuatedKeepHours: 168,
    configDriveFormat: 'iso9660',
    codec: { keyFile: null },
    slots: { quick: 20, long: 4, watch: 2000 },
    scheduler: {
      enabledFilters: [
        'computeCapabilities',
        'imageProperties',
        'sameHost',
        'differentHost',
        'simpleCidrAffinity',
        'isolatedHosts',
        'numaTopology',
        'pciPassthrough',
        'metrics',
      ],
      maxIoOpsPerHost: 8,
      maxInstancesPerHost: 50,
      isolatedHosts: [],
      isolatedImages: [],
      restrictIsolatedHostsToIsolatedImages: true,
      pciAliases: {},
      multipliers: {
        ram: 1,
        cpu: 1,
        disk: 1,
        ioOps: -1,
        numInstances: 0,
        hypervisorVersion: 1,
        pci: 1,
        buildFailure: -1_000_000,
        imageProperties: 0,
        metrics: 1,
      },
      metrics: { weights: {}, required: true, weightOfUnavailable: -10_000 },
      imagePropertyWeights: {},
      hostSubsetSize: 1,
      shuffleBestSameWeighedHosts: false,
      maxAttempts: 3,
    },
    notifications: {
      notifyOnStateChange: 'none',
      log: false,
      webhook: { url: null, secret: null, timeoutSeconds: 10 },
      nats: { servers: [], subject: 'novaflow', credentialsFile: null },
      giveUpAfterSeconds: 86_400,
    },
    drainSeconds: 60,
    faults: null,
    log: { level: 'info', pretty: 'auto' },
  });
});

test('a flag goes before the environment, that before the file, that before the default', () => {
  const file = fileWith('slots: { quick: 2, long: 2, watch: 2 }\n');
  const env = { NOVAFLOW_SLOTS_QUICK: '3', NOVAFLOW_SLOTS_LONG: '3' };
  const { slots, drainSeconds } = loadConfig({ flags: { 'slots.quick': 4, 'slots.long': undefined }, env, file });
  expect({ ...slots, drainSeconds }).toEqual({ quick: 4, long: 3, watch: 2, drainSeconds: 60 });
});

test('NOVAFLOW_CONFIG names the file unless --config does', () => {
  const [one, other] = [fileWith('drainSeconds: 1\n'), fileWith('drainSeconds: 2\n')];
  expect(loadConfig({ env: { NOVAFLOW_CONFIG: one } }).drainSeconds).toBe(1);
  expect(loadConfig({ env: { NOVAFLOW_CONFIG: one }, file: other }).drainSeconds).toBe(2);
  expect(loadConfig({ env: { NOVAFLOW_CONFIG: '' }, file: other }).drainSeconds).toBe(2);
});

test('variables and flags hold text where the setting is text, else YAML', () => {
  const env = {
    NOVAFLOW_HOST_NAME: '1e3',
    NOVAFLOW_HOST_CAPACITY_VCPUS: '8',
    NOVAFLOW_HOST_RATIOS_DISK: '1.5',
    NOVAFLOW_VIF_PLUG_IS_FATAL: 'false',
    NOVAFLOW_HOST_AVAILABILITY_ZONE: '',
    NOVAFLOW_FLAVORS: '[{ name: own, vcpus: 1, memoryMiB: 128, rootGiB: 0 }]',
  };
  const { host, vifPlugIsFatal, slots, flavors } = loadConfig({ env, flags: { 'slots.long': '9' }, file: fileWith('') });
  expect({ host, vifPlugIsFatal, long: slots.long, last: flavors.at(-1) }).toMatchObject({
    host: { name: '1e3', capacity: { vcpus: 8 }, ratios: { disk: 1.5 }, availabilityZone: null },
    vifPlugIsFatal: false,
    long: 9,
    last: { name: 'own', vcpus: 1, memoryMiB: 128, rootGiB: 0, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
  });
});

test('a flavor takes the place of the built-in one of its name', () => {
  const { flavors } = loadConfig({ env: {}, file: fileWith('flavors: [{ name: m1.tiny, vcpus: 2, memoryMiB: 1, rootGiB: 1 }]') });
  expect(flavors.filter(({ name }) => name === 'm1.tiny')).toEqual([
    { name: 'm1.tiny', vcpus: 2, memoryMiB: 1, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
  ]);
  expect(flavors).toHaveLength(5);
});

const refusedFiles: readonly [text: string, problem: string][] = [
  ['host:\n  nmae: cn1\n', ':2: "host.nmae" is not a setting'],
  ['nova: {}\n', ':1: "nova" is not a setting'],
  ['\nconstructor: 1\n', ':2: "constructor" is not a setting'],
  ['log: verbose\n', ':1: log must be a map of settings'],
  ['slots:\n  long: 1\n  quick: many\n', ':3: slots.quick must be a whole number from 1 to 1000'],
  ['instancesDir: instances\n', ':1: instancesDir must be an absolute path'],
  ['instancesDir:\n', ':1: instancesDir must not be null: a field without a value is left out'],
  ['vifPlugIsFatal: yes\n', ':1: vifPlugIsFatal must be true or false'],
  ['host: { name: cn1.example.org }\n', ':1: host.name must be the name of a host: 1 to 63 of a-z, 0-9 and "-"'],
  ['host: { ratios: { memory: 0 } }\n', ':1: host.ratios.memory must be a number from 0.01 to 1000'],
  [
    'notifications: { webhook: { url: "ftp://x", secret: c2VjcmV0IG9mIHR3ZW50eS1mb3VyIGJ5dGVz } }\n',
    ':1: notifications.webhook.url must be an http: or https: URL',
  ],
  [
    'notifications: { webhook: { url: "https://me:pw@x", secret: c2VjcmV0IG9mIHR3ZW50eS1mb3VyIGJ5dGVz } }\n',
    ':1: notifications.webhook.url must not have a password in it: it is logged',
  ],
  ['flavors:\n  - { name: a, vcpus: 0, memoryMiB: 1, rootGiB: 1 }\n', ':1: flavors[0].vcpus must be a whole number from 1 to 512'],
  ['flavors: [{ name: a, vcpus: 1, memoryMiB: 1, rootGiB: 1, disk: 1 }]\n', ':1: flavors[0].disk is not a known field'],
  [
    'flavors: [{ name: a, vcpus: 1, memoryMiB: 1, rootGiB: 1 }, { name: a, vcpus: 1, memoryMiB: 1, rootGiB: 1 }]\n',
    ':1: flavors must not have two flavors of one name',
  ],
  ['- a\n', ': must be a map of settings'],
];

test('a webhook without a secret is refused', () => {
  const flags = { 'notifications.webhook.url': 'https://x' };
  expect(problems({ env: {}, flags })).toEqual([
    'notifications.webhook.secret is required with notifications.webhook.url: receivers have to know who sent it',
  ]);
});

test.for(refusedFiles)('a file with %j is refused: %s', ([text, problem]) => {
  const file = fileWith(text);
  expect(problems({ file })).toEqual([`${file}${problem}`]);
});

test('a file that is not YAML is refused with the place of the mistake', () => {
  const file = fileWith('slots: { quick: 1\nlog: {}\n');
  expect(problems({ file })[0]).toMatch(new RegExp(`^${file}: .* at line 2, column 1`));
});

test('a file that was named and is not there is refused', () => {
  const file = join(directory, 'missing.yaml');
  expect(problems({ file })).toEqual([`${file}: ENOENT: no such file or directory, open '${file}'`]);
});

test('CPUs are for guests that have theirs alone, or are shared', () => {
  expect(problems({ file: fileWith('host: { cpuDedicatedSet: "4-12,^8", cpuSharedSet: "0-3,8" }\n') })).toEqual([]);
  expect(problems({ env: { NOVAFLOW_HOST_CPU_DEDICATED_SET: '1' } })).toEqual([]);
  expect(problems({ env: { NOVAFLOW_HOST_CPU_DEDICATED_SET: '5-4' } })).toEqual([
    'NOVAFLOW_HOST_CPU_DEDICATED_SET: host.cpuDedicatedSet must be a set of CPUs, such as "4-12,^8,15"',
  ]);
  const flags = { 'host.cpuDedicatedSet': '4-12', 'host.cpuSharedSet': '0-4' };
  expect(problems({ flags })).toEqual(['--host-cpu-shared-set: host.cpuSharedSet must have no CPU that is in host.cpuDedicatedSet']);
});

test('a section whose settings are all commented out says nothing', () => {
  expect(problems({ file: fileWith('slots:\n  # quick: 2\nlog: {}\n') })).toEqual([]);
});

test('a refusal names the variable or the flag that is at fault', () => {
  const sources = { env: { NOVAFLOW_SLOTS_LONG: 'few' }, flags: { 'log.level': 'loud', 'host.nmae': 'cn1' } };
  expect(problems(sources)).toEqual([
    '--host-nmae: "host.nmae" is not a setting',
    'NOVAFLOW_SLOTS_LONG: slots.long must be a whole number from 1 to 1000',
    '--log-level: log.level must be "trace", "debug", "info", "warn", "error" or "fatal"',
  ]);
});

test("a machine whose name is no host's name needs the setting", () => {
  const named = 'must be the name of a host: 1 to 63 of a-z, 0-9 and "-"';
  expect(problems({ hostname: 'my_host' })).toEqual([`this machine's host name: host.name ${named}`]);
  expect(problems({ hostname: 'my_host', flags: { 'host.name': 'cn1' } })).toEqual([]);
});

test('each setting has a variable of its own and a sentence that says what it does', () => {
  const all = settingsOf(settings);
  expect(new Set(all.map(({ key }) => variableOf(key))).size).toBe(all.length);
  expect(all.filter(({ schema }) => !schema.description?.endsWith('.')).map(({ key }) => key)).toEqual([]);
});

test('the configuration as it is printed gives itself again', () => {
  const config = loadConfig({ env: { NOVAFLOW_HOST_NAME: 'cn7', NOVAFLOW_SCHEDULER_MULTIPLIERS_RAM: '-1' } });
  expect(loadConfig({ env: {}, file: fileWith(configYaml(config)), hostname: 'other' })).toEqual(config);
});

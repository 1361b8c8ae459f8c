import { expect, test } from 'vitest';
import { printable } from '../../src/cli/console-text.ts';
import { hostSheet, hostTable } from '../../src/cli/host-text.ts';
import { instanceTable } from '../../src/cli/instance-text.ts';
import { operationTable } from '../../src/cli/operation-text.ts';
import { sheet } from '../../src/cli/tables.ts';
import type { Host } from '../../src/model/host.ts';
import { core } from '../model/cpus/hosts.ts';
import { host } from '../model/verify/tidy-host.ts';
import { at, call, keptTerminal } from './surroundings.ts';

const terminal = keptTerminal();
const row = {
  id: 'i1',
  name: 'web1',
  vmState: 'building',
  taskState: 'spawning',
  powerState: 'nostate',
  host: null,
  flavor: 'lab.tiny',
  image: null,
  addresses: ['10.0.0.7', '10.0.1.7'],
  fault: null,
  userId: 'u',
  projectId: 'p',
  createdAt: at(0),
} as const;

test('a table is aligned, has nothing cut, and shows what is missing as a dash', () => {
  const other = { ...row, id: 'i2', name: 'a much longer name', vmState: 'active', taskState: null, host: 'cn1', addresses: [] };
  expect(instanceTable([row, other], terminal, Date.parse(at(90_000))).split('\n')).toEqual([
    'NAME                ID  STATE     TASK      HOST  ADDRESSES           AGE',
    'web1                i1  building  spawning  -     10.0.0.7, 10.0.1.7  1m',
    'a much longer name  i2  active    -         cn1   -                   1m',
  ]);
});

test('colours do not disturb the columns', () => {
  const red = { paint: (_: string, text: string) => `\u001b[31m${text}\u001b[39m` };
  const lines = operationTable(
    [
      { id: 'a', type: 'verify', status: 'failed', instanceId: null, attention: null, startedAt: at(0), endedAt: at(450) },
      { id: 'b', type: 'verify', status: 'running', instanceId: null, attention: 'HostSilent', startedAt: at(0), endedAt: null },
    ],
    red,
    Date.parse(at(1_000)),
  );
  expect(lines.split('\n')).toEqual([
    'ID  TYPE    STATUS   ATTENTION   AGE  TOOK',
    'a   verify  \u001b[31mfailed\u001b[39m   -           1s   450 ms',
    'b   verify  \u001b[31mrunning\u001b[39m  \u001b[31mHostSilent\u001b[39m  1s   -',
  ]);
});

test('a host that is disabled is still shown as up, with the reason', () => {
  const room = { vcpus: 8, memoryMiB: 1024, diskGiB: 10 };
  const host = { host: 'cn1', downReason: null, availabilityZone: null, capacity: room, free: { ...room, vcpus: -1 } };
  expect(hostTable([{ ...host, state: 'up', enabled: false, disabledReason: 'bad memory' }], terminal).split('\n')[1]).toBe(
    'cn1   up, disabled  -1 of 8     1024 of 1024 MiB  10 of 10 GiB  -     bad memory',
  );
});

test('a host says which of its CPUs are for guests alone, and who has which', () => {
  const { inventory } = host();
  const guestCpus = { dedicated: [core(0, 4, 6), core(0, 5, 7), core(1, 12)], shared: [0, 1, 2, 3] };
  const claim = { id: 'a', instanceId: 'a', vcpus: 1, memoryMiB: 64, diskGiB: 1, cpus: { pinned: [4], withheld: [6] } };
  const shown = (changes: Partial<Host>) =>
    hostSheet(host(changes), terminal)
      .split('\n')
      .filter((line) => /^(dedicated|shared|claims)/.test(line));
  expect(shown({ inventory: { ...inventory, guestCpus }, claims: [claim] })).toEqual([
    'dedicated cpus:  4-7,12, 2 of 5 claimed',
    'shared cpus:     0-3',
    'claims:          a: 1 vCPU on 4, 64 MiB, 1 GiB',
  ]);
  expect(shown({ claims: [] })).toEqual([]);
});

test('a sheet leaves out what is not there and sets further lines below the first', () => {
  const lines: [string, string | null][] = [
    ['name', 'web1'],
    ['fault', null],
    ['disks', 'vda\nsda'],
  ];
  expect(sheet(lines).split('\n')).toEqual(['name:   web1', 'disks:  vda', '        sda']);
});

test.for([
  [['instance', 'list'], instanceTable([row], terminal)],
  [['instance', 'list', '--json'], JSON.stringify([row], null, 2)],
  [['--json', 'instance', 'list'], JSON.stringify([row], null, 2)],
  [['instance', 'list', '-q'], 'i1'],
] as const)('novaflow %s prints the list in the form asked for', async ([argv, text]) => {
  expect(await call(argv, { rows: { instance: [row] } })).toMatchObject({ exitCode: 0, out: text, err: '' });
});

test.for([
  [['instance', 'list'], '', 'no instances'],
  [['instance', 'list', '--json'], '[]', ''],
  [['instance', 'list', '-q'], '', ''],
] as const)('of nothing, novaflow %s prints nothing that a script would take for something', async ([argv, out, err]) => {
  expect(await call(argv)).toMatchObject({ exitCode: 0, out, err });
});

test('image cache says what became of each host, and ends with 1 when one failed', async () => {
  const hosts = [
    { host: 'cn1', state: 'cached', reason: null },
    { host: 'cn2', state: 'failed', reason: 'host cn2 is down: its compute worker was stopped' },
  ];
  const { exitCode, out } = await call(['image', 'cache', 'debian'], { result: async () => ({ imageId: 'i1', hosts }) });
  expect(exitCode).toBe(1);
  expect(out.split('\n')).toEqual([
    'HOST  STATE   REASON',
    'cn1   cached  -',
    'cn2   failed  host cn2 is down: its compute worker was stopped',
  ]);
});

test('host audit says how much room there is, what is wrong, and what it gave back', async () => {
  const disk = { freeBytes: 1024 ** 3, overCommittedBytes: 3 * 1024 ** 3, availableLeastBytes: -2 * 1024 ** 3 };
  const found = { kind: 'UnknownDomain', what: 'domain of instance web1', likelyCause: 'made by hand' };
  const healed = { kind: 'UnknownClaim', what: 'claim of instance web2', likelyCause: 'deleted' };
  const { exitCode, out } = await call(['host', 'audit', 'cn1'], {
    result: async () => ({ host: 'cn1', disk, differences: [found], healed: [healed] }),
  });
  expect(exitCode).toBe(1);
  expect(out.split('\n')).toEqual([
    'disk: 1.0 GiB free, disks may grow by 3.0 GiB, which leaves -2.0 GiB',
    'KIND           WHAT                     LIKELY CAUSE  HEALED',
    'UnknownDomain  domain of instance web1  made by hand  -',
    'UnknownClaim   claim of instance web2   deleted       given back',
  ]);
  const clean = await call(['host', 'audit', 'cn1'], { result: async () => ({ host: 'cn1', disk, differences: [], healed: [] }) });
  expect([clean.exitCode, clean.out.split('\n')[1]]).toEqual([0, 'cn1 is as its record says']);
});

test('verify ends with 1 when it found something', async () => {
  const finding = { kind: 'tap', host: 'cn1', what: 'tap1', likelyCause: 'a crash' };
  const clean = await call(['verify'], { result: async () => ({ findings: [] }) });
  const dirty = await call(['verify'], { result: async () => ({ findings: [finding] }) });
  expect(clean).toMatchObject({ exitCode: 0, out: 'everything is as the records say' });
  expect(dirty).toMatchObject({ exitCode: 1, out: 'KIND  HOST  WHAT  LIKELY CAUSE\ntap   cn1   tap1  a crash' });
});

test('a decision on a parked operation goes with its reason and its park', async () => {
  const { exitCode, asked } = await call(['op', 'retry', 'build/web1/1', '--reason', 'disk freed', '--park', '2']);
  expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: [['retry', 'build/web1/1', { reason: 'disk freed', park: 2 }]] });
});

test('a guest cannot act on the terminal of who reads its console', () => {
  expect(printable('\u001b[2J\u001b]0;title\u0007login:\r\n\tok\u0000\u009b31m\n')).toBe('login:\n\tok');
});

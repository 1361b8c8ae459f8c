import { expect, test } from 'vitest';
import { type Choice, explanationText } from '../../src/cli/explanation.ts';
import { selectHosts } from '../../src/scheduler/select-host.ts';
import { candidate, options } from '../scheduler/candidates.ts';
import { at, call } from './surroundings.ts';

const wanted = { vcpus: 1, memoryMiB: 512, diskGiB: 1, availabilityZone: null, extraSpecs: { 'capabilities:hypervisor_type': 's== qemu' } };
const free = (memoryMiB: number) => ({ free: { vcpus: 8, memoryMiB, diskGiB: 100 } });
const hosts = [
  candidate('cn1', free(2048)),
  candidate('cn2', free(4096)),
  candidate('cn3', { state: 'down', downReason: 'not heard' }),
  candidate('cn4', free(100)),
  candidate('cn5', free(200)),
];
const roomOnly = { ioOps: 0, hypervisorVersion: 0, pci: 0, buildFailure: 0 };

const chosen: Choice = {
  at: at(0),
  wanted,
  turned: [],
  decision: selectHosts(wanted, hosts, options(roomOnly)),
  hosts: [],
  claims: [
    { host: 'cn2', refusal: 'cn2 has 0 MiB memory free, 512 wanted' },
    { host: 'cn1', refusal: null },
  ],
};

const none: Choice = {
  at: at(1_000),
  wanted: { ...wanted, extraSpecs: {} },
  turned: [{ host: 'cn1', filter: 'build', reason: 'cn1: defineDomain: the disk burns' }],
  decision: null,
  hosts: [
    { host: 'cn1', filter: 'build', reason: 'cn1: defineDomain: the disk burns' },
    { host: 'cn3', filter: 'up', reason: 'cn3 is down: not heard' },
  ],
  claims: [],
};

const explanation = { id: 'build/web1/1', runId: 'r1', type: 'buildInstance', choices: [chosen, none] };

test('an explanation shows what each filter removed and why, the weights with their parts, and what came of it', () => {
  expect(explanationText(explanation).split('\n').slice(0, 14)).toEqual([
    'choice 1 of 2:  2026-01-01T00:00:00.000Z',
    'wanted:         1 vCPUs, 512 MiB of memory, 1 GiB of disk',
    '                capabilities:hypervisor_type = s== qemu',
    '',
    'FILTER               REMOVED  WHY',
    'up                   1        cn3 is down: not heard',
    'enabled              0        -',
    'availabilityZone     0        -',
    'vcpus                0        -',
    'memory               2        cn4 has 100 of 4096 MiB of memory free, 512 wanted',
    '                              cn5 has 200 of 4096 MiB of memory free, 512 wanted',
    'disk                 0        -',
    'computeCapabilities  0        -',
    'imageProperties      0        -',
  ]);
});

test('the end of an explanation is the winner, or why there is none', () => {
  const text = explanationText(explanation);
  expect(text).toContain('cn2   ram      4096  1.000       1           1.000');
  expect(text).toContain('cn1   ram      2048  0.500       1           0.500');
  expect(text).toContain(
    'winner:      cn2\nalternates:  cn1\nclaims:      cn2 refused: cn2 has 0 MiB memory free, 512 wanted\n             cn1 took it',
  );
  expect(text).toContain('left out:       cn1: defineDomain: the disk burns');
  expect(text).toContain('up      1        cn3 is down: not heard');
  expect(text).toMatch(/winner: {2}none: no host was left$/);
});

test('an operation that chose no host says so', () => {
  expect(explanationText({ ...explanation, choices: [] })).toBe('build/web1/1 chose no host');
});

test('novaflow op explain prints tables, or all as JSON', async () => {
  expect(await call(['op', 'explain', 'web1'], { explanation })).toMatchObject({ exitCode: 0, out: explanationText(explanation) });
  const { out } = await call(['op', 'explain', 'web1', '--json'], { explanation });
  expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(explanation)));
});

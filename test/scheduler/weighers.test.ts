import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/scheduler/candidate.ts';
import { defaultMultipliers, type WeigherName, type WeigherSettings, weighersWith } from '../../src/scheduler/weighers.ts';
import { candidate, settings } from './candidates.ts';

const request = { vcpus: 1, memoryMiB: 512, diskGiB: 1 };
const everyOne = Object.fromEntries(Object.keys(defaultMultipliers).map((name) => [name, 1])) as Record<WeigherName, number>;

/** What one weigher makes of a host. */
function raw(name: WeigherName, changes: Partial<Candidate>, others: Partial<WeigherSettings> = {}, properties = {}): number | undefined {
  const weigher = weighersWith({ ...settings, multipliers: everyOne, ...others }).find((one) => one.name === name);
  return weigher?.rawOf(candidate('cn1', changes), { ...request, image: { id: 'debian', properties } });
}

const free = { vcpus: 3, memoryMiB: 1000, diskGiB: 50 };
const devices = (count: number) => Array.from({ length: count }, (_, index) => `10de:1eb8 0000:${index}:00.0`);

test.for<[WeigherName, Partial<Candidate>, number]>([
  ['ram', { free }, 1000],
  ['cpu', { free }, 3],
  ['disk', { free }, 50],
  ['ioOps', { numIoOps: 3 }, 3],
  ['numInstances', { instances: ['a', 'b'] }, 2],
  ['hypervisorVersion', { hypervisorVersion: '7.2.22' }, 7_002_022],
  ['pci', {}, 100],
  ['pci', { pciDevices: devices(3) }, 97],
  ['pci', { pciDevices: devices(120) }, 1],
  ['buildFailure', { failedBuilds: 4 }, 4],
])('the weigher %s takes of a host with %j the value %d', ([name, changes, expected]) => {
  expect(raw(name, changes)).toBe(expected);
});

describe('properties of the image', () => {
  const here = { imageProperties: { 'os_distro=debian': 2, 'hw_machine_type=q35': 5 } };
  const wanted = { os_distro: 'debian', hw_machine_type: 'q35', os_type: 'linux' };

  test('count as often as instances of the host share them', () => {
    expect(raw('imageProperties', here, {}, wanted)).toBe(7);
    expect(raw('imageProperties', here, {}, { os_distro: 'fedora' })).toBe(0);
    expect(raw('imageProperties', {}, {}, wanted)).toBe(0);
  });

  test('count by the weights that are configured, and those without one not at all', () => {
    expect(raw('imageProperties', here, { imagePropertyWeights: { os_distro: 10 } }, wanted)).toBe(20);
  });
});

describe('metrics', () => {
  const metrics = { weights: { 'cpu.percent': -1, 'cpu.idle.percent': 0.5 }, required: false, weightOfUnavailable: -10_000 };

  test('are summed up with their factors', () => {
    expect(raw('metrics', { metrics: { 'cpu.percent': 30, 'cpu.idle.percent': 70, 'cpu.iowait.percent': 5 } }, { metrics })).toBe(5);
  });

  test('of which one is missing make the host the last choice', () => {
    expect(raw('metrics', { metrics: { 'cpu.percent': 30 } }, { metrics })).toBe(-10_000);
  });
});

test('Nova’s multipliers are the defaults, and those that are 0 or without metrics take no part', () => {
  expect(weighersWith(settings).map(({ name, multiplier, lowest, highest }) => [name, multiplier, lowest, highest])).toStrictEqual([
    ['ram', 1, 0, null],
    ['cpu', 1, 0, null],
    ['disk', 1, 0, null],
    ['ioOps', -1, 0, null],
    ['hypervisorVersion', 1, null, null],
    ['pci', 1, null, null],
    ['buildFailure', -1_000_000, null, null],
  ]);
});

test('the configuration replaces multipliers by name', () => {
  const multipliers = { ...defaultMultipliers, ram: -1, disk: 0, numInstances: -0.5 };
  const shown = Object.fromEntries(weighersWith({ ...settings, multipliers }).map(({ name, multiplier }) => [name, multiplier]));
  expect(shown).toMatchObject({ ram: -1, cpu: 1, numInstances: -0.5 });
  expect(shown).not.toHaveProperty('disk');
});

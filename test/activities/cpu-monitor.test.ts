import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cpuMonitor } from '../../src/activities/cpu-monitor.ts';

test('metrics are what the processors did since the last look, in percent', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-cpu-'));
  try {
    const file = join(directory, 'stat');
    const measure = cpuMonitor(file);
    await writeFile(file, 'cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3\n');
    expect(await measure()).toMatchObject({ 'cpu.percent': 20, 'cpu.idle.percent': 80, 'cpu.user.percent': 10, 'cpu.kernel.percent': 10 });
    await writeFile(file, 'cpu  150 20 120 880 20 5 5 0 0 0\ncpu0 1 2 3\n');
    expect(await measure()).toStrictEqual({
      'cpu.user.percent': 35,
      'cpu.kernel.percent': 15,
      'cpu.iowait.percent': 10,
      'cpu.idle.percent': 40,
      'cpu.percent': 60,
    });
    expect(await measure()).toMatchObject({ 'cpu.percent': 0, 'cpu.idle.percent': 0 });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('the processors of this machine are measured', async () => {
  const metrics = await cpuMonitor()();
  expect(metrics['cpu.percent']).toBeGreaterThan(0);
  expect(metrics['cpu.percent']).toBeLessThanOrEqual(100);
});

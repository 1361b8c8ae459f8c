import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { countReporter } from './test/reporter.ts';

/** Tests that share a server, a lab or its daemons: one file after another. */
const oneAtATime = { fileParallelism: false } as const;

function ofLabs(name: string, include: string, groupOrder: number, testTimeout = 120_000): TestProjectConfiguration {
  const test = { name, include: [include], globalSetup: 'test/lab/setup.ts', testTimeout, hookTimeout: 120_000 };
  return { extends: true, test: { ...test, ...oneAtATime, sequence: { groupOrder } } };
}

// Forks, since the Temporal core is a native module that does not unload. Projects run in the order of groupOrder, which
// begins at 1: vitest runs a project with one worker and order 0 last.
export default defineConfig({
  test: {
    pool: 'forks',
    reporters: ['default', countReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/workflows/**', 'test/lab/**', 'test/faults/**', 'test/machine/**'],
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'workflow',
          include: ['test/workflows/**/*.test.ts'],
          globalSetup: 'test/workflows/setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...oneAtATime,
          sequence: { groupOrder: 2 },
        },
      },
      ofLabs('lab', 'test/lab/*.test.ts', 3),
      // Parts of a worker on a host of a lab, without any workflow.
      ofLabs('parts', 'test/lab/*/**/*.test.ts', 4),
      ofLabs('faults', 'test/faults/**/*.test.ts', 5, 300_000),
      // What compares the whole machine before and after: no other lab may stand meanwhile.
      ofLabs('machine', 'test/machine/**/*.test.ts', 6),
    ],
  },
});

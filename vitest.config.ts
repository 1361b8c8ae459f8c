import { defineConfig } from 'vitest/config';
import { countReporter } from './test/reporter.ts';

/** Tests that share a server, a lab or its daemons: one file after another. */
const oneAtATime = { fileParallelism: false } as const;

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
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/lab/*.test.ts'],
          globalSetup: 'test/lab/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...oneAtATime,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // Parts of a worker on a host of a lab, without any workflow.
        extends: true,
        test: {
          name: 'parts',
          include: ['test/lab/*/**/*.test.ts'],
          globalSetup: 'test/lab/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...oneAtATime,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: 'test/lab/setup.ts',
          testTimeout: 300_000,
          hookTimeout: 120_000,
          ...oneAtATime,
          sequence: { groupOrder: 4 },
        },
      },
      {
        // What compares the whole machine before and after: no other lab may stand meanwhile.
        extends: true,
        test: {
          name: 'machine',
          include: ['test/machine/**/*.test.ts'],
          globalSetup: 'test/lab/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...oneAtATime,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});

import { expect, test } from 'vitest';
import { progressLines } from '../../src/cli/progress.ts';
import { detailOf, parkedText, stagesOf } from '../../src/cli/stages.ts';
import type { Instance, TaskState } from '../../src/model/instance.ts';
import type { OperationView, StepView } from '../../src/model/operation.ts';
import { at } from './surroundings.ts';

function step(name: string, host: string | null, fromMs: number, toMs: number | null, state: StepView['state'] = 'done'): StepView {
  return { name, host, state, startedAt: at(fromMs), endedAt: toMs === null ? null : at(toMs) };
}

function operation(steps: readonly StepView[], parked: OperationView['parked'] = null): OperationView {
  return { type: 'buildInstance', instanceId: null, step: steps.at(-1)?.name ?? null, steps, parked };
}

/** The part of a record that stages are made of. */
function instance(history: readonly (readonly [TaskState | null, number])[], isHeld: boolean): Instance {
  const taskHistory = history.map(([taskState, ms]) => ({ taskState, at: at(ms) }));
  return { taskHistory, operation: isHeld ? { workflowId: 'build/web1/1' } : null } as unknown as Instance;
}

const MiB = 1024 ** 2;
const none = { totalBytes: 0, doneBytes: 0, remainingBytes: 0 };
const migrating = { elapsedMs: 1000, memory: none, disks: none };

const steps = [
  step('acceptBuild', null, 0, 9),
  step('selectHost', null, 10, 40),
  step('findBases', 'cn1', 100, 120),
  step('createDisks', 'cn1', 120, 190),
];

test('each task state is a stage that lasts until the next one and has the steps that began in it', () => {
  const record = instance(
    [
      ['scheduling', 5],
      ['networking', 60],
      ['block_device_mapping', 95],
      [null, 200],
    ],
    false,
  );
  expect(stagesOf({ operation: operation(steps), instance: record })).toEqual([
    { name: 'scheduling', steps: 'selectHost', startedAt: at(5), endedAt: at(60) },
    { name: 'networking', steps: '', startedAt: at(60), endedAt: at(95) },
    { name: 'block_device_mapping', steps: 'findBases, createDisks on cn1', startedAt: at(95), endedAt: at(200) },
  ]);
});

test('while the operation holds the record its last stage lasts', () => {
  const record = instance(
    [
      ['scheduling', 5],
      [null, 60],
    ],
    true,
  );
  expect(stagesOf({ operation: operation(steps), instance: record }).at(-1)).toEqual({
    name: 'none',
    steps: 'findBases, createDisks on cn1',
    startedAt: at(60),
    endedAt: null,
  });
});

test('an operation without an instance shows its steps, and which of them undo', () => {
  const all = [step('storeImage', 'cn1', 0, 500, 'waiting'), step('removeStoredImage', 'cn1', 500, null, 'undone')];
  expect(stagesOf({ operation: operation(all), instance: null }).map(({ name }) => name)).toEqual([
    'storeImage',
    'undo: removeStoredImage',
  ]);
});

test('a line has the stage, how long it took or lasts so far, and its steps', () => {
  const all = [step('acceptImport', null, 0, 31), step('storeImage', 'cn1', 31, null, 'running')];
  const progress = { step: 'import', doneBytes: 12 * 1024 ** 2, totalBytes: 80 * 1024 ** 2 };
  const pending = [{ activity: 'storeImage', attempt: 1, lastFailure: null, progress }];
  const sight = { operation: operation(all), instance: null, pending, isOver: false };
  expect(progressLines({ id: 'import-image/tiny/1' }, sight, Date.parse(at(2_531)))).toEqual([
    'acceptImport                 31 ms',
    'storeImage                  2.50 s  on cn1',
    '  import: 12 MiB of 80 MiB',
  ]);
});

test.for([
  [[], null],
  [[{ activity: 'startPaused', attempt: 1, lastFailure: null, progress: null }], null],
  [
    [{ activity: 'startPaused', attempt: 3, lastFailure: 'libvirt is unreachable', progress: null }],
    'startPaused: attempt 3 after: libvirt is unreachable',
  ],
  [
    [{ activity: 'fetchBases', attempt: 1, lastFailure: null, progress: { step: 'fetch', doneBytes: 512, totalBytes: null } }],
    'fetch: 512 B',
  ],
  [
    [
      {
        activity: 'migrateGuest',
        attempt: 1,
        lastFailure: null,
        progress: {
          step: 'live migration: memory',
          doneBytes: 80 * MiB,
          totalBytes: 128 * MiB,
          migration: {
            ...migrating,
            phase: 'memory',
            iteration: 3,
            dirtyBytesPerSecond: 12 * MiB,
            throttlePercent: 20,
            expectedSeconds: 4,
          },
        },
      },
    ],
    'live migration: memory: 80 MiB of 128 MiB, round 3, changed 12 MiB/s, slowed down by 20 %, about 4.00 s to go',
  ],
] as const)('of what an operation waits for, %j, people read: %s', ([pending, text]) => {
  expect(detailOf(pending)).toBe(text);
});

test('a parked operation says what failed and both ways out', () => {
  const parked = {
    number: 1,
    step: 'createDisks',
    host: 'cn1',
    attention: 'StepFailed',
    failure: { type: 'DiskSpaceLow', message: 'no space' },
    since: at(0),
    mayChange: [],
  } as const;
  expect(parkedText(operation([], parked), 'build/web1/1')?.split('\n')).toEqual([
    'parked at createDisks on cn1: DiskSpaceLow: no space',
    '  when the cause is mended:  novaflow op retry build/web1/1 --reason "…"',
    '  to give up and undo:       novaflow op rollback build/web1/1 --reason "…"',
  ]);
  expect(parkedText(operation([]), 'build/web1/1')).toBeNull();
});

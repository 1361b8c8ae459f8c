import { expect, test } from 'vitest';
import { eventsOf, eventsText } from '../../src/cli/instance-events.ts';
import type { Instance } from '../../src/model/instance.ts';
import { at, call, keptTerminal } from './surroundings.ts';

const run = { workflowId: 'build/web1/1', runId: 'r1', type: 'buildInstance', userId: 'ada' };
const built = {
  ...run,
  requestId: 'req-1',
  startedAt: at(0),
  endedAt: at(2_400),
  end: 'completed',
  failure: null,
  steps: [
    { name: 'selectHost', host: null, durationMs: 12 },
    { name: 'createDisks', host: 'cn1', durationMs: 1_300, note: 'two of them are there' },
  ],
} as const;
const ofEarlierRelease = {
  ...run,
  workflowId: 'stop/web1/2',
  type: 'stopInstance',
  startedAt: at(5_000),
  endedAt: at(6_000),
  end: 'cancelled',
  steps: [],
} as const;
const failed = {
  ...built,
  workflowId: 'start/web1/3',
  type: 'startInstance',
  end: 'failed',
  failure: { type: 'OperationFailed', message: 'no' },
  steps: [],
} as const;
const reverted = { ...built, workflowId: 'resize/web1/4', type: 'resizeInstance', reason: 'slower than before', steps: [] } as const;
const operation = {
  workflowId: 'delete/web1/4',
  runId: 'r4',
  type: 'deleteInstance',
  userId: 'bob',
  requestId: 'req-4',
  step: 'removeInstance',
  since: at(9_000),
};
const instance = { recent: [built, ofEarlierRelease, failed, reverted], operation } as unknown as Instance;

test('events tell what, by whom, when, how long and how it ended, with reasons, failures and steps below', () => {
  expect(eventsText(eventsOf(instance), keptTerminal()).split('\n')).toEqual([
    'WHAT            BY   BEGAN                     TOOK    END        OPERATION      REQUEST',
    'buildInstance   ada  2026-01-01T00:00:00.000Z  2.40 s  completed  build/web1/1   req-1',
    '  selectHost 12 ms, createDisks on cn1 1.30 s (two of them are there)',
    'stopInstance    ada  2026-01-01T00:00:05.000Z  1.00 s  cancelled  stop/web1/2    -',
    'startInstance   ada  2026-01-01T00:00:00.000Z  2.40 s  failed     start/web1/3   req-1',
    '  OperationFailed: no',
    'resizeInstance  ada  2026-01-01T00:00:00.000Z  2.40 s  completed  resize/web1/4  req-1',
    '  reason: slower than before',
    'deleteInstance  bob  2026-01-01T00:00:09.000Z  -       running    delete/web1/4  req-4',
  ]);
});

test('as JSON every event has every field, whatever release it is of', async () => {
  const { out, asked } = await call(['instance', 'events', 'web1', '--json'], { records: { instance } });
  const events = JSON.parse(out) as object[];
  expect(asked).toEqual([['pastRecord', 'web1']]);
  expect(new Set(events.map((event) => Object.keys(event).toSorted().join()))).toEqual(
    new Set(['end,endedAt,failure,reason,requestId,runId,startedAt,steps,type,userId,workflowId']),
  );
});

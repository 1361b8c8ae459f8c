import { describe, expect, test } from 'vitest';
import {
  abandonImage,
  type BeginImage,
  beginImage,
  type EnterImage,
  emptyImage,
  enterImage,
  type FinishImage,
  finishImage,
  type ImageState,
  type NewImage,
  refusalToBeginImage,
  refusalToEnterImage,
} from '../../src/model/image-record.ts';
import type { Run } from '../../src/model/tenure.ts';
import { at, runOf } from './tenures.ts';

const load = runOf('import');
const loadReset = runOf('import', 1);

const made: NewImage = {
  id: 'image-1',
  name: 'tiny',
  diskFormat: 'qcow2',
  minRootGiB: 1,
  minMemoryMiB: 0,
  kernelId: null,
  ramdiskId: null,
  properties: {},
};

function toBegin(run: Run = load): BeginImage {
  return { run, type: 'importImage', userId: 'user', create: made };
}

function toEnter(changes: Partial<EnterImage> = {}): EnterImage {
  return { run: load, part: 1, step: 'storeImage', ...changes };
}

function toFinish(changes: Partial<FinishImage> = {}): FinishImage {
  return { run: load, part: 1, end: 'completed', steps: [], changes: { status: 'active', sizeBytes: 7 }, ...changes };
}

const queued = beginImage(emptyImage, toBegin(), at(1));
const saving = enterImage(queued, toEnter({ changes: { status: 'saving' } }));
const active = finishImage(saving, toFinish());

describe('an import', () => {
  test('makes a queued image and holds it', () => {
    expect(queued.record).toStrictEqual({
      ...made,
      status: 'queued',
      sizeBytes: null,
      virtualSizeBytes: null,
      checksum: null,
      createdAt: at(1),
    });
    expect(queued).toMatchObject({ generation: 1, holder: { type: 'importImage', step: 'accept' } });
  });

  test('that begins again changes nothing', () => {
    expect(refusalToBeginImage(saving, toBegin())).toBeNull();
    expect(beginImage(saving, toBegin(), at(9))).toStrictEqual(saving);
  });

  test('that was reset goes on under a new generation with the image as it is', () => {
    expect(refusalToBeginImage(saving, toBegin(loadReset))).toBeNull();
    expect(beginImage(saving, toBegin(loadReset), at(9))).toMatchObject({
      generation: 2,
      holder: { runId: 'import-run-reset-1', replaced: ['import-run'] },
      record: { status: 'saving', createdAt: at(1) },
    });
  });

  test('walks from queued over saving to active', () => {
    expect([queued, saving, active].map(({ record }) => record?.status)).toStrictEqual(['queued', 'saving', 'active']);
    expect(saving.holder).toMatchObject({ step: 'storeImage' });
    expect(active).toMatchObject({ holder: null, generation: 1, record: { sizeBytes: 7 } });
  });

  test('that lets go again, or holds nothing, changes nothing', () => {
    expect(finishImage(active, toFinish({ changes: { status: 'killed' } }))).toBe(active);
    expect(finishImage(saving, toFinish({ run: runOf('other'), changes: { status: 'killed' } }))).toBe(saving);
    expect(finishImage(emptyImage, toFinish())).toBe(emptyImage);
  });
});

describe('an import that was terminated', () => {
  const killed = abandonImage(saving);

  test('leaves a killed image under a new generation', () => {
    expect(killed).toMatchObject({ holder: null, generation: 2, record: { status: 'killed' } });
    expect(refusalToEnterImage(killed, toEnter())?.type).toBe('ResetRefused');
    expect(finishImage(killed, toFinish())).toBe(killed);
  });

  test('before it stored anything leaves nothing: the record is over', () => {
    expect(abandonImage(queued)).toMatchObject({ holder: null, generation: 2, record: { status: 'killed' }, isDeleted: true });
  });

  test('after it let go changes nothing', () => {
    expect(abandonImage(active)).toBe(active);
  });
});

test('an image of which nothing is left is over: nobody takes it any more', () => {
  const over = finishImage(saving, toFinish({ end: 'failed', changes: { status: 'killed' }, isOver: true }));
  expect(over).toMatchObject({ isDeleted: true, holder: null, record: { status: 'killed' } });
  expect(refusalToBeginImage(over, { ...toBegin(runOf('delete')), create: null })?.type).toBe('ImageNotFound');
});

describe('a delete', () => {
  const remove = runOf('delete');
  const toDelete: BeginImage = { run: remove, type: 'deleteImage', userId: 'user', create: null };
  const toFinishDelete = (changes: Partial<FinishImage> = {}) => toFinish({ run: remove, changes: { status: 'killed' }, ...changes });
  const taken = beginImage(active, toDelete, at(2));
  const removing = enterImage(taken, toEnter({ run: remove, step: 'removeStoredImage', changes: { status: 'killed' } }));

  test('takes the image from builds at once, under a new generation', () => {
    expect(refusalToBeginImage(active, toDelete)).toBeNull();
    expect(taken).toMatchObject({ generation: 2, restingStatus: 'active', holder: { type: 'deleteImage' }, record: { status: 'killed' } });
    expect(beginImage(taken, toDelete, at(9))).toStrictEqual(taken);
  });

  test('that completes ends the record, which nobody takes any more', () => {
    const deleted = finishImage(removing, toFinishDelete());
    expect(deleted).toMatchObject({ isDeleted: true, holder: null, record: { status: 'killed' } });
    expect(refusalToBeginImage(deleted, { ...toDelete, run: runOf('second') })?.type).toBe('ImageNotFound');
  });

  test('that removes nothing leaves the image as it was', () => {
    const left = finishImage(taken, toFinishDelete({ end: 'failed', changes: { status: 'active' } }));
    expect(left).toMatchObject({ holder: null, record: { status: 'active' } });
    expect(left).not.toHaveProperty('isDeleted');
    expect(left).not.toHaveProperty('restingStatus');
  });

  test.for<[string, ImageState, string]>([
    ['before its first step leaves the image as it was', taken, 'active'],
    ['in a step leaves a killed image', removing, 'killed'],
  ])('that is terminated %s, and may be done again', ([, state, status]) => {
    const left = abandonImage(state);
    expect(left).toMatchObject({ generation: 3, holder: null, record: { status } });
    expect(refusalToBeginImage(left, { ...toDelete, run: runOf('second') })).toBeNull();
  });

  test.for<[string, ImageState, BeginImage, string]>([
    ['an image that is imported', saving, toDelete, 'ImageInUse'],
    ['an image that another delete holds', taken, { ...toDelete, run: runOf('second') }, 'ImageInUse'],
    ['an image that was never imported', emptyImage, toDelete, 'ImageNotFound'],
  ])('does not take %s', ([, state, message, type]) => {
    expect(refusalToBeginImage(state, message)?.type).toBe(type);
  });
});

const ended = 'this operation has ended or begun to undo: start a new one';
const undoing = enterImage(saving, toEnter({ undoing: true }));

test.for<[string, ImageState, Run, [string, string] | null]>([
  ['an id that is free is taken', emptyImage, load, null],
  [
    'an id that is taken is refused',
    active,
    runOf('second'),
    ['ImageExists', 'image image-1 exists already: leave imageId out, or choose another'],
  ],
  [
    'an id that is being imported is refused',
    saving,
    runOf('second'),
    ['ImageExists', 'image image-1 exists already: leave imageId out, or choose another'],
  ],
  ['a reset of an import that ended is refused', active, loadReset, ['ResetRefused', ended]],
  ['a reset of an import that undoes is refused', undoing, loadReset, ['ResetRefused', ended]],
])('%s', ([, state, run, expected]) => {
  const refused = refusalToBeginImage(state, toBegin(run));
  expect(refused === null ? null : [refused.type, refused.message]).toStrictEqual(expected);
});

test.for<[string, ImageState, Run, string | null]>([
  ['the holder is heard', saving, load, null],
  ['a reset of the holder is heard', saving, loadReset, null],
  ['a holder that undoes is heard', undoing, load, null],
  ['a reset of a holder that undoes is refused', undoing, loadReset, ended],
  ['another operation is refused', saving, runOf('second'), ended],
  ['one that let go is refused', active, load, ended],
])('%s', ([, state, run, expected]) => {
  expect(refusalToEnterImage(state, toEnter({ run }))?.message ?? null).toBe(expected);
});

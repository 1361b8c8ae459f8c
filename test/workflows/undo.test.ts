import { expect, test } from 'vitest';
import { undoStack } from '../../src/workflows/undo.ts';

function noting(): { notes: string[]; does: (note: string) => () => Promise<void> } {
  const notes: string[] = [];
  const does = (note: string) => async () => {
    notes.push(note);
  };
  return { notes, does };
}

test('undos run newest first, each once, those of parts among the others', async () => {
  const { notes, does } = noting();
  const undos = undoStack();
  const part = undos.part();
  part.add('claim', does('claim'));
  undos.add('addresses', does('addresses'));
  part.add('disks', does('disks'));
  await undos.unwind();
  await undos.unwind();
  expect(notes).toEqual(['disks', 'addresses', 'claim']);
});

test('a part is undone alone, and what is left runs without it', async () => {
  const { notes, does } = noting();
  const undos = undoStack();
  const [first, second] = [undos.part(), undos.part()];
  first.add('claim 1', does('claim 1'));
  undos.add('addresses', does('addresses'));
  first.add('disks 1', does('disks 1'));
  second.add('claim 2', does('claim 2'));
  await first.unwind();
  expect(notes).toEqual(['disks 1', 'claim 1']);
  await first.unwind();
  await undos.unwind();
  expect(notes).toEqual(['disks 1', 'claim 1', 'claim 2', 'addresses']);
});

test('an undo that fails is over, and those after it are still there', async () => {
  const { notes, does } = noting();
  const undos = undoStack();
  undos.add('claim', does('claim'));
  undos.add('disks', () => Promise.reject(new Error('the host is gone')));
  await expect(undos.unwind()).rejects.toThrow('the host is gone');
  await undos.unwind();
  expect(notes).toEqual(['claim']);
});

test('it is known that something is being undone, and no longer than it is', async () => {
  const undos = undoStack();
  const part = undos.part();
  part.add('look', async () => {
    expect(undos.isUnwinding()).toBe(true);
  });
  expect(undos.isUnwinding()).toBe(false);
  await part.unwind();
  expect(undos.isUnwinding()).toBe(false);
});

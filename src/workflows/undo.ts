export type Undo = (what: string, how: () => Promise<unknown>) => void;

/** A part of what an operation did: undone with all the rest, or alone. */
export interface UndoPart {
  readonly add: Undo;
  /** Runs what the part registered and nothing else, newest first, each once. */
  readonly unwind: () => Promise<void>;
}

interface UndoStack extends UndoPart {
  readonly part: () => UndoPart;
  readonly isUnwinding: () => boolean;
}

interface Registered {
  readonly what: string;
  readonly how: () => Promise<unknown>;
  readonly part: number;
}

/** The undos of an operation, in the order their steps were begun. */
export function undoStack(): UndoStack {
  const undos: Registered[] = [];
  let parts = 0;
  let unwinding = false;

  return {
    ...partOf(0, () => true),
    part: () => {
      parts += 1;
      const number = parts;
      return partOf(number, ({ part }) => part === number);
    },
    isUnwinding: () => unwinding,
  };

  function partOf(part: number, has: (undo: Registered) => boolean): UndoPart {
    return {
      add: (what, how) => {
        undos.push({ what, how, part });
      },
      unwind: async () => {
        unwinding = true;
        try {
          for (let last = undos.findLast(has); last !== undefined; last = undos.findLast(has)) {
            undos.splice(undos.indexOf(last), 1);
            await last.how();
          }
        } finally {
          unwinding = false;
        }
      },
    };
  }
}

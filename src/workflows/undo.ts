export type Undo = (what: string, how: () => Promise<unknown>) => void;

interface UndoStack {
  readonly add: Undo;
  readonly isUnwinding: () => boolean;
  /** Runs what was registered, newest first, each once. */
  readonly unwind: () => Promise<void>;
}

/** The undos of an operation, in the order their steps were begun. */
export function undoStack(): UndoStack {
  const undos: { what: string; how: () => Promise<unknown> }[] = [];
  let unwinding = false;
  return {
    add: (what, how) => {
      undos.push({ what, how });
    },
    isUnwinding: () => unwinding,
    unwind: async () => {
      unwinding = true;
      for (let last = undos.pop(); last !== undefined; last = undos.pop()) await last.how();
    },
  };
}

/** The server takes ten updates of one run at a time and answers more with an error that is retried after a second. */
const maxUnderWay = 8;

interface Line {
  underWay: number;
  readonly waiting: (() => void)[];
}

const lines = new Map<string, Line>();

/** Runs `work` when fewer than eight works of this process for the same record are under way, in the order they came. */
export async function inTurn<T>(record: string, work: () => Promise<T>): Promise<T> {
  const line = lines.get(record) ?? { underWay: 0, waiting: [] };
  lines.set(record, line);
  if (line.underWay < maxUnderWay) line.underWay += 1;
  else await new Promise<void>((myTurn) => line.waiting.push(myTurn));
  try {
    return await work();
  } finally {
    const next = line.waiting.shift();
    if (next === undefined) line.underWay -= 1;
    else next();
    if (line.underWay === 0) lines.delete(record);
  }
}

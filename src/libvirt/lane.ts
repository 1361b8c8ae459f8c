import type { Connection } from './connection.ts';

/** A few connections of one purpose; work waits in order while all their slots are taken. */
export interface LanePool {
  run<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value>;
  close(reason: Error): void;
}

/** How wide a lane is. */
export interface LaneWidth {
  readonly connections: number;
  readonly callsPerConnection: number;
}

interface Member {
  readonly connection: Promise<Connection>;
  calls: number;
}

/** Makes a lane whose connections are opened by `open` when first needed, kept, and dropped when they close. */
export function createLane(width: LaneWidth, open: () => Promise<Connection>): LanePool {
  const members = new Set<Member>();
  const waiting: ((member: Member) => void)[] = [];

  function admit(): Member | null {
    for (const member of members) if (member.calls < width.callsPerConnection) return enter(member);
    if (members.size >= width.connections) return null;
    const member: Member = { connection: open(), calls: 0 };
    members.add(member);
    void forgetWhenClosed(member);
    return enter(member);
  }

  function enter(member: Member): Member {
    member.calls += 1;
    return member;
  }

  async function forgetWhenClosed(member: Member): Promise<void> {
    try {
      await (await member.connection).closed;
    } catch {
      // Whoever waits for this connection is told why it did not open.
    }
    members.delete(member);
    serveWaiting();
  }

  function serveWaiting(): void {
    while (waiting.length > 0) {
      const member = admit();
      if (member === null) return;
      waiting.shift()?.(member);
    }
  }

  return {
    run: async (work) => {
      const member = (waiting.length === 0 ? admit() : null) ?? (await new Promise<Member>((resolve) => waiting.push(resolve)));
      try {
        return await work(await member.connection);
      } finally {
        member.calls -= 1;
        serveWaiting();
      }
    },
    close: (reason) => {
      for (const { connection } of members) {
        connection.then(
          (opened) => opened.close(reason),
          () => undefined,
        );
      }
    },
  };
}

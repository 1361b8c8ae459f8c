import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { until } from '../../lab/wait.ts';

type Role = 'demo' | 'cleaner';

interface Holder {
  readonly role: string;
  readonly pid: number;
}

/**
 * Makes this process the only demo on its lab until it is disposed of. Another one that runs is an error in a sentence; a
 * cleaner that still removes what a killed demo left is waited for.
 */
export async function soleDemo(lab: string): Promise<AsyncDisposable> {
  const held = await holdUnlessHeld(lab, 'demo');
  if ('pid' in held) throw new Error(`a demo runs already (pid ${held.pid}): end it with Ctrl-C, or use it`);
  return held;
}

/** The same for who cleans up after a demo that died; null when a new demo is there first, which cleans up by itself. */
export async function soleCleaner(lab: string): Promise<AsyncDisposable | null> {
  const held = await holdUnlessHeld(lab, 'cleaner');
  return 'pid' in held ? null : held;
}

/** The hold, or the demo that has it. One that is being killed may have the place for a moment yet, and answers nothing. */
function holdUnlessHeld(lab: string, role: Role): Promise<AsyncDisposable | Holder> {
  return until(
    async () => {
      const held = await hold(lab, role);
      if (held !== null) return held;
      const holder = await askHolder(lab);
      return holder?.role === 'demo' ? holder : null;
    },
    { what: 'the end of the cleaning after another demo', timeoutMs: 60_000, intervalMs: 100 },
  );
}

async function hold(lab: string, role: Role): Promise<AsyncDisposable | null> {
  const server = createServer((asking) => asking.on('error', () => undefined).end(`${role} ${process.pid}`));
  server.listen(placeOf(lab));
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return null;
    throw error;
  }
  return { [Symbol.asyncDispose]: () => close(server) };
}

/** Null when the holder ended meanwhile, or is suspended. */
async function askHolder(lab: string): Promise<Holder | null> {
  const asking = connect({ path: placeOf(lab), timeout: 1000 });
  asking.once('timeout', () => asking.destroy());
  const answer = await text(asking).catch(() => '');
  const [role, pid] = answer.split(' ');
  return role === undefined || pid === undefined ? null : { role, pid: Number(pid) };
}

/** A socket without a file: the kernel takes it back with the process that has it, however that ends. */
function placeOf(lab: string): string {
  return `\0novaflow-demo/${lab}`;
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
  });
}

import { setTimeout } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { domainNameOf } from '../../model/domain.ts';
import { deadConnections } from '../../model/live-migration/dead-connections.ts';
import type { run } from '../run.ts';

/** Runs commands where QEMU runs. */
export type RunBeside = (file: string, args: readonly string[]) => Promise<Pick<Awaited<ReturnType<typeof run>>, 'stdout'>>;

/** Keeps a guest that is copied from standing still for a host that answers nothing. */
export interface Unblocking {
  /** Waits for an answer of libvirt, which comes in milliseconds unless QEMU stands still. */
  readonly answered: <Value>(call: Promise<Value>) => Promise<Value>;
  /** Told how much was sent, again and again. */
  readonly sent: (bytes: number) => Promise<void>;
}

/** Of a guest that may switch over: both hosts need their connection, and it is left alone. */
export const leftAlone: Unblocking = { answered: (call) => call, sent: async () => {} };

const patienceMs = 3_000;
const stallMs = 5_000;
const betweenLooksMs = 1_000;

/**
 * When a migration is given up while its hosts are cut from one another, QEMU waits for its connections, and the guest with it: from the
 * moment of an abort, or of libvirt's own after 30 s, until they are joined again (seen in QEMU 7.2; TCP gives up after a quarter of an hour).
 * Connections that nobody has answered for 25 s are ended before that, and for 6 s once QEMU stands still: the migration fails, and the guest
 * runs on.
 */
export function unblocking(uuid: string, runBeside: RunBeside): Unblocking {
  let [sentBytes, changedAt, lookedAt] = [-1, 0, 0];
  return {
    answered: async (call) => {
      const answered = call.then(
        () => true,
        () => true,
      );
      while (!(await within(patienceMs, answered))) await endDeadConnections(uuid, runBeside, 5);
      return call;
    },
    sent: async (bytes) => {
      const now = performance.now();
      if (bytes !== sentBytes) [sentBytes, changedAt] = [bytes, now];
      if (now - changedAt < stallMs || now - lookedAt < betweenLooksMs) return;
      lookedAt = now;
      await endDeadConnections(uuid, runBeside, 7);
    },
  };
}

async function within(ms: number, done: Promise<boolean>): Promise<boolean> {
  const stop = new AbortController();
  const late = setTimeout(ms, false, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([done, late]);
  } finally {
    stop.abort();
  }
}

async function endDeadConnections(uuid: string, runBeside: RunBeside, repeats: number): Promise<void> {
  const pidFile = `/run/libvirt/qemu/${domainNameOf(uuid)}.pid`;
  try {
    const pid = Number((await runBeside('cat', [pidFile])).stdout);
    const { stdout } = await runBeside('ss', ['--no-header', '--tcp', '--numeric', '--processes', '--options']);
    for (const { local, peer } of deadConnections(stdout, pid, repeats)) {
      log.warn('a connection that its peer does not answer is ended, since QEMU waits for it', { instanceId: uuid, local, peer });
      await runBeside('ss', ['--kill', '--tcp', 'src', local, 'dst', peer]);
    }
  } catch (error) {
    // A host that cannot do it, or a QEMU that has just ended, is no reason to follow no longer.
    log.warn('connections of QEMU could not be looked at', { instanceId: uuid, error: String(error) });
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { LabHost } from '../lab/lab.ts';
import { run } from '../lab/run.ts';
import { until } from '../lab/wait.ts';

/** A guest that somebody built. Times are those of `performance.now()`. */
export interface Guest {
  readonly id: string;
  readonly host: LabHost;
  readonly ip: string;
  /** Before the first thing was asked for. */
  readonly askedAt: number;
  /** When a separate libvirt connection saw it run, and whoever built it had said so. */
  readonly activeAt: number;
}

/** One of the two ways to build guests that are held against each other. */
export interface Builder<Built extends Guest, On extends readonly unknown[]> {
  readonly build: (...on: On) => Promise<Built>;
  /** Deletes the guest and returns how long it took until it was gone, in milliseconds. */
  readonly remove: (guest: Built) => Promise<number>;
}

/** Resolves, with the time, when the guest has said GUEST UP on its console. */
export function whenUp({ id, host }: Pick<Guest, 'id' | 'host'>): Promise<number> {
  const console = join(host.instancesDir, id, 'console.log');
  const look = async () => ((await readFile(console, 'utf8').catch(() => '')).includes('GUEST UP') ? performance.now() : null);
  return until(look, { what: `GUEST UP of ${id} on ${host.name}`, timeoutMs: 180_000, intervalMs: 20 });
}

/** Resolves when the guest answered a ping; raises an error when it did not within 10 s. */
async function ping({ ip }: Guest): Promise<void> {
  await run('ping', ['-c', '1', '-w', '10', ip]);
}

/** Resolves, with the time at which it said GUEST UP, once the guest has answered a ping as well. */
export async function proveAlive(guest: Guest): Promise<number> {
  const upAt = await whenUp(guest);
  await ping(guest);
  return upAt;
}

/** Waits until the guest runs for `ageMs`: what a delete takes depends on what the guest has touched. */
export async function whenAged({ activeAt }: Guest, ageMs: number): Promise<void> {
  await setTimeout(Math.max(0, activeAt + ageMs - performance.now()));
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lab, type LabHost, runInHost } from '../../lab/lab.ts';
import { run } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';

/** A guest of the lab as it is seen from outside: by its console and its disk. */
export interface SeenGuest {
  /** How often it has booted. */
  readonly boots: () => Promise<number>;
  readonly whenBooted: (times: number) => Promise<true>;
  /** The last second that it counted since its boot. */
  readonly lastTick: () => Promise<number>;
  readonly whenTick: (tick: number) => Promise<true>;
  /** The last line that it has on disk since its boot, where its image has it write. */
  readonly lastWritten: () => Promise<number>;
  readonly whenWritten: (line: number) => Promise<true>;
  /** All that it has printed. */
  readonly console: () => Promise<string>;
}

/** Looks at an instance on its host. */
export function seenGuest({ id, name }: Pick<Instance, 'id' | 'name'>, host: LabHost): SeenGuest {
  const console = () => readFile(join(host.instancesDir, id, 'console.log'), 'utf8').catch(() => '');
  const boots = async () => (await console()).split('GUEST UP').length - 1;
  const lastOf = async (word: RegExp) => Number([...(await console()).matchAll(word)].at(-1)?.[1] ?? 0);
  const lastTick = () => lastOf(/TICK (\d+)/g);
  const lastWritten = () => lastOf(/WROTE (\d+)/g);
  const when = (isSo: () => Promise<boolean>, what: string) =>
    until(async () => ((await isSo()) ? true : null), { what: `${what} of ${name}`, timeoutMs: 60_000, intervalMs: 50 });
  return {
    boots,
    lastTick,
    whenBooted: (times) => when(async () => (await boots()) >= times, `boot ${times}`),
    whenTick: (tick) => when(async () => (await lastTick()) >= tick, `tick ${tick}`),
    lastWritten,
    whenWritten: (line) => when(async () => (await lastWritten()) >= line, `line ${line}`),
    console,
  };
}

/** The boots that a guest noted on a disk that nobody has open. */
export async function journalOn({ path, format }: { readonly path: string; readonly format: 'raw' | 'qcow2' }): Promise<readonly string[]> {
  const flat = `${path}.flat`;
  await run('qemu-img', ['convert', '-f', format, '-O', 'raw', path, flat]);
  const lines = await journalIn(flat);
  await run('rm', [flat]);
  return lines;
}

/**
 * The boots that a guest noted on a raw disk that is a copy. One of a guest that ran on, or was cut off, is as after a power loss: what was
 * written last may be in the journal of its file system alone, as a boot from it would find it.
 */
export async function journalIn(copy: string): Promise<readonly string[]> {
  await run('e2fsck', ['-y', '-E', 'journal_only', copy]);
  const text = await run('debugfs', ['-R', 'cat /journal', copy]);
  return text.split('\n').filter((line) => line !== '');
}

/** The boots that the guest of an instance noted on its root disk, which is an overlay; it is off. */
export async function journalOf(
  { id }: Pick<Instance, 'id'>,
  host: LabHost,
  { sharedDir }: Pick<Lab, 'sharedDir'>,
): Promise<readonly string[]> {
  const flat = join(sharedDir, `${id}.raw`);
  await runInHost(host, ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', `/var/lib/nova/instances/${id}/disk`, flat]);
  const journal = await journalOn({ path: flat, format: 'raw' });
  await run('rm', [flat]);
  return journal;
}

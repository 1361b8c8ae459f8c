import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Backing } from '../../model/instance.ts';
import type { Token } from '../../model/tenure.ts';
import { readBaseNote } from '../base-note.ts';
import type { WhileHolding } from '../holding.ts';
import { isThere } from '../is-there.ts';
import { namesIn } from '../names-in.ts';

/** How the base that a host has stands to the one under an overlay: by the bytes of both. `unknown`: nobody noted what is in it. */
export type BaseComparison = 'same' | 'differs' | 'absent' | 'unknown';

export interface ComparisonActivities {
  /** Writes a file into the instance's directory, for another host to look for: never of a name that somebody may have looked for before. */
  writeProbe(input: { token: Token; instanceId: string }): Promise<{ name: string }>;
  /** Whether the file that another host wrote is in this host's directory of the instance. Changes nothing there. */
  seesProbe(input: { token: Token; instanceId: string; name: string }): Promise<{ isSeen: boolean }>;
  /** `seesProbe` and `writeProbe` at once. */
  answerProbe(input: { token: Token; instanceId: string; name: string }): Promise<{ name: string; isSeen: boolean }>;
  /**
   * Removes a file that this host wrote, whoever has the instance by now: no other host is to look for it any more. Before that it looks for
   * `other`, as `seesProbe` does.
   */
  closeProbe(input: { token: Token; instanceId: string; name: string; other: string | null }): Promise<{ isSeen: boolean }>;
  /** Removes all such files. Repeatable. */
  removeProbes(input: { token: Token; instanceId: string }): Promise<void>;
}

const prefix = '.probe-';

/** What two hosts are asked before anything goes from one to the other. */
export function comparisonActivities(whileHolding: WhileHolding, { instancesDir }: Pick<Config, 'instancesDir'>): ComparisonActivities {
  return {
    writeProbe: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async (directory) => ({ name: await written(directory, token) })),
    seesProbe: ({ token, instanceId, name }) =>
      whileHolding(instanceId, token, async (directory) => ({ isSeen: await isSeen(directory, name) })),
    answerProbe: ({ token, instanceId, name }) =>
      whileHolding(instanceId, token, async (directory) => ({
        isSeen: await isSeen(directory, name),
        name: await written(directory, token),
      })),
    closeProbe: async ({ instanceId, name, other }) => {
      const directory = join(instancesDir, instanceId);
      const answer = { isSeen: other !== null && (await isSeen(directory, other)) };
      if (name.startsWith(prefix)) await rm(join(directory, name), { force: true });
      return answer;
    },
    removeProbes: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async (directory) => {
        const probes = (await namesIn(directory)).filter((name) => name.startsWith(prefix));
        await Promise.all(probes.map((name) => rm(join(directory, name), { force: true })));
      }),
  };
}

/** Each step has a name of its own, which its repetition writes again. */
async function written(directory: string, { run, generation, step }: Token): Promise<string> {
  const name = `${prefix}${run}.${generation}.${step ?? randomUUID()}`;
  await writeFile(join(directory, name), '');
  return name;
}

async function isSeen(directory: string, name: string): Promise<boolean> {
  return name.startsWith(prefix) && (await isThere(join(directory, name)));
}

/** Whether the base of an overlay is at `path`, by the checksum that was noted when it was made. */
export async function comparison(path: string, { checksum, format }: Backing): Promise<BaseComparison> {
  if (!(await isThere(path))) return 'absent';
  const note = await readBaseNote(path);
  if (note === null) return 'unknown';
  const has = note.converted ?? { checksum: note.image, format };
  // A record of before images were converted names no format: the checksum alone says which bytes they are.
  return has.checksum === checksum && (format === undefined || has.format === format) ? 'same' : 'differs';
}

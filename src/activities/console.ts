import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { errnoOf } from './failures.ts';

export interface ConsoleOutput {
  readonly output: string;
  /** Whether the guest wrote more before. */
  readonly truncated: boolean;
}

export interface ConsoleActivities {
  /** The last bytes that the guest wrote to its serial console; empty when it wrote nothing yet. Changes nothing. */
  readConsole(input: { instanceId: string; maxBytes: number }): Promise<ConsoleOutput>;
}

export function consoleActivities({ instancesDir }: Pick<Config, 'instancesDir'>): ConsoleActivities {
  return {
    readConsole: async ({ instanceId, maxBytes }) => {
      const file = await open(join(instancesDir, instanceId, 'console.log'), 'r').catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return null;
        throw error;
      });
      if (file === null) return { output: '', truncated: false };
      try {
        const { size } = await file.stat();
        const start = Math.max(0, size - maxBytes);
        const tail = Buffer.alloc(size - start);
        const { bytesRead } = await file.read(tail, 0, tail.length, start);
        return { output: tail.subarray(0, bytesRead).toString('utf8'), truncated: start > 0 };
      } finally {
        await file.close();
      }
    },
  };
}

import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inspectFile } from '../src/activities/inspect.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import type { Say } from './say.ts';

const formats = ['raw', 'qcow2', 'vmdk'] as const;
const sizeGiB = 10;
const RUNS = 20;

/** How long it takes to tell what an image of 10 GiB is, opened anew each time; and how long `qemu-img info` takes, which sees it only after that. */
export async function inspector(say: Say): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-bench-'));
  const ours: number[] = [];
  const beside: number[] = [];
  try {
    const voidBecause = await reasonToVoid(async () => {
      for (const format of formats) {
        const path = join(directory, format);
        await execa('qemu-img', ['create', '-q', '-f', format, path, `${sizeGiB}G`]);
        if (format === 'raw') await markBoth(path);
        for (let run = 0; run < RUNS; run += 1) {
          ours.push(await timed(async () => requireSize(await inspectFile(path, format))));
          beside.push(await timed(() => execa('qemu-img', ['info', '-f', format, '--', path])));
        }
        say(`${format}: ${ours.at(-1)?.toFixed(1)} ms, qemu-img info ${beside.at(-1)?.toFixed(1)} ms`);
      }
    });
    const limit = { text: '50 ms', of: () => 50 };
    return [
      {
        name: `inspect an image of ${sizeGiB} GiB`,
        unit: 'ms',
        ours,
        beside: { what: 'qemu-img info', samples: beside },
        limit,
        voidBecause,
      },
    ];
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A partition table and the end of a backup one: the inspector looks at both ends. */
async function markBoth(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write('\x55\xaa', 510, 'latin1');
    await file.write('EFI PART', sizeGiB * 1024 ** 3 - 512, 'latin1');
  } finally {
    await file.close();
  }
}

function requireSize(virtualSizeBytes: number): void {
  if (virtualSizeBytes !== sizeGiB * 1024 ** 3) throw new Error(`the inspector found ${virtualSizeBytes} bytes`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

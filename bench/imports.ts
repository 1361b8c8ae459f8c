import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Image } from '../src/model/image.ts';
import { controlQueue } from '../src/model/queues.ts';
import type { BenchCloud } from './bring-up.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { writeRandom } from './random-file.ts';
import type { Say } from './say.ts';

const GiB = 1024 ** 3;
const fileName = 'bench-1-gib';

/**
 * The import of a file of 1 GiB, from the request to the image that is active; and in turns with it, on the same disk, what a copy that
 * lasts and a checksum take one after the other: `cp` and `sync`, and `sha256sum`. An import does both; the slower one is what it is held against.
 */
export async function imports({ client, settings }: BenchCloud, rounds: number, say: Say): Promise<Figure[]> {
  const source = join(settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', fileName);
  const copy = join(settings['NOVAFLOW_IMAGE_STORE_DIRECTORY'] ?? '', `${fileName}.floor`);
  const samples = { ours: [] as number[], copied: [] as number[], hashed: [] as number[] };
  const voidBecause = await reasonToVoid(async () => {
    await writeRandom(source, GiB);
    const { stdout } = await execa('sha256sum', [source]);
    for (let round = 1; round <= rounds; round += 1) {
      samples.copied.push(await timed(() => copyThatLasts(source, copy)));
      await rm(copy);
      samples.hashed.push(await timed(() => execa('sha256sum', [source])));
      const { id, checksum } = await imported();
      if (checksum !== `sha256:${stdout.slice(0, 64)}`) throw new Error(`the import found ${checksum}, sha256sum ${stdout}`);
      await execute('deleteImage', { imageId: id });
      const last = (kind: readonly number[]) => kind.at(-1)?.toFixed(0);
      say(`${round}/${rounds}: import ${last(samples.ours)}, cp && sync ${last(samples.copied)}, sha256sum ${last(samples.hashed)} ms`);
    }
  });
  await rm(source, { force: true });
  const [copied, hashed] = [sum(samples.copied), sum(samples.hashed)];
  const beside = copied > hashed ? { what: 'cp && sync', samples: samples.copied } : { what: 'sha256sum', samples: samples.hashed };
  return [
    {
      name: 'import 1 GiB',
      unit: 'ms',
      ours: samples.ours,
      beside,
      limit: { text: 'the slower of cp && sync and sha256sum ÷ 0.8', of: (slower) => slower / 0.8 },
      voidBecause,
    },
  ];

  async function imported(): Promise<Image> {
    const start = performance.now();
    const image = await execute('importImage', { name: fileName, source: `file:${fileName}`, diskFormat: 'raw' });
    samples.ours.push(performance.now() - start);
    return image;
  }

  function execute(type: string, request: object): Promise<Image> {
    return client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `bench-${type}/${randomUUID()}`, args: [request] });
  }
}

async function copyThatLasts(from: string, to: string): Promise<void> {
  await execa('cp', ['--sparse=never', '--', from, to]);
  await execa('sync', ['--', to]);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function sum(samples: readonly number[]): number {
  return samples.reduce((total, one) => total + one, 0);
}

import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, runInHost } from '../lab/lab.ts';
import { startMover } from '../lab/mover.ts';
import type { Disk } from '../src/model/instance.ts';
import type { BenchCloud } from './bring-up.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import { plainRsync } from './plain-rsync.ts';
import type { Say } from './say.ts';

const MiB = 1024 ** 2;
const instances = '/var/lib/nova/instances';

/** What is moved: the size of a raw disk, and how much of it has data. */
interface Load {
  readonly sizeMiB: number;
  readonly dataMiB: number;
}

/** The loads that count, and smaller ones that show the way. */
const allLoads: Readonly<Record<'full' | 'small', { readonly whole: Load; readonly sparse: Load }>> = {
  full: { whole: { sizeMiB: 2048, dataMiB: 2048 }, sparse: { sizeMiB: 20_480, dataMiB: 100 } },
  small: { whole: { sizeMiB: 256, dataMiB: 256 }, sparse: { sizeMiB: 4096, dataMiB: 20 } },
};

/**
 * A disk from host to host, from the request until it lies at its destination, synced and compared. A whole one is held in turns against a plain
 * `rsync` over ssh with the same cipher and `--fsync`; a sparse one against a whole one of as much data.
 */
export async function transfers(cloud: BenchCloud, rounds: number, say: Say, of: keyof typeof allLoads): Promise<Figure[]> {
  const [source, destination] = cloud.lab.hosts;
  if (source === undefined || destination === undefined) throw new Error('a transfer needs two hosts');
  await using mover = await startMover(cloud.client, cloud.addresses.outside);
  await using plain = await plainRsync(source, destination);
  const { whole, sparse } = allLoads[of];
  const samples = { whole: [] as number[], rsync: [] as number[], sparse: [] as number[], dense: [] as number[] };

  const voidBecause = await reasonToVoid(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      samples.rsync.push(
        await withDisk(whole, (instanceId) => timed(() => plain.copy(['--inplace'], [diskOf(instanceId)], diskOf(instanceId)))),
      );
      samples.whole.push(await withDisk(whole, moved(whole)));
      const dense = { sizeMiB: sparse.dataMiB, dataMiB: sparse.dataMiB };
      samples.dense.push(await withDisk(dense, moved(dense)));
      samples.sparse.push(await withDisk(sparse, moved(sparse)));
      const last = (kind: keyof typeof samples) => samples[kind].at(-1)?.toFixed(0);
      say(`${round}/${rounds}: whole ${last('whole')}, rsync ${last('rsync')}, sparse ${last('sparse')}, as much data ${last('dense')} ms`);
    }
  });
  const sizes = { whole: `${whole.dataMiB / 1024} GiB`, sparse: `${sparse.dataMiB} MiB in ${sparse.sizeMiB / 1024} GiB` };
  return [
    {
      name: `transfer of ${sizes.whole}`,
      unit: 'ms',
      ours: samples.whole,
      beside: { what: 'plain rsync', samples: samples.rsync },
      limit: { text: 'rsync ÷ 0.8', of: (rsync) => rsync / 0.8 },
      voidBecause,
    },
    {
      name: `transfer of ${sizes.sparse}`,
      unit: 'ms',
      ours: samples.sparse,
      beside: { what: `${sparse.dataMiB} MiB in as much`, samples: samples.dense },
      limit: { text: 'as much data × 1.2', of: (dense) => dense * 1.2 },
      voidBecause,
    },
  ];

  function moved({ sizeMiB }: Load): (instanceId: string) => Promise<number> {
    const disk: Disk = { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: sizeMiB * MiB, backing: null };
    const route = { source: source?.name ?? '', destination: destination?.name ?? '' };
    return (instanceId) => timed(async () => (await mover.start({ instanceId, ...route, disk, as: disk, names: [] })).result());
  }

  /** A disk of its own for each sample, of random data, so that nothing of it is known to anybody; gone afterwards at both ends. */
  async function withDisk(load: Load, work: (instanceId: string) => Promise<number>): Promise<number> {
    const instanceId = randomUUID();
    for (const host of [source, destination]) if (host !== undefined) await mkdir(join(host.instancesDir, instanceId));
    if (source !== undefined) await writeDisk(source, diskOf(instanceId), load);
    try {
      return await work(instanceId);
    } finally {
      for (const host of [source, destination]) {
        if (host !== undefined) await rm(join(host.instancesDir, instanceId), { recursive: true, force: true });
      }
    }
  }
}

function diskOf(instanceId: string): string {
  return join(instances, instanceId, 'disk');
}

async function writeDisk(host: LabHost, path: string, { sizeMiB, dataMiB }: Load): Promise<void> {
  await runInHost(host, ['dd', 'if=/dev/urandom', `of=${path}`, 'bs=1M', `count=${dataMiB}`, 'conv=fsync', 'status=none']);
  await runInHost(host, ['truncate', '--size', `${sizeMiB}M`, path]);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

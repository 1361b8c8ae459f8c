import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Extent, joined, mapArgs, parseMap } from '../../qemu/extents.ts';
import { run } from '../run.ts';

/** qcow2's own: what a write of less would be copied up to. */
const clusterBytes = 64 * 1024;

/** The longest run that is held in memory. */
const maxRunBytes = 16 * clusterBytes;

/** Arguments of one command, well below what the kernel takes. */
const maxWritesAtOnce = 1000;

/**
 * Writes into an overlay on `base` what another raw file has otherwise than it, cluster by cluster. `qemu-img rebase` does
 * the same by reading all holes as well: 7 s for a disk of 1 GiB with 64 MiB of data, and 172 s for one of 20 GiB, on two busy cores.
 * `scratch` is a directory of the caller's.
 */
export async function writeDifferences({
  base,
  changed,
  overlay,
  scratch,
}: {
  readonly base: string;
  readonly changed: string;
  readonly overlay: string;
  readonly scratch: string;
}): Promise<void> {
  const writes: string[] = [];
  const [from, to] = await Promise.all([open(base, 'r'), open(changed, 'r')]);
  try {
    const { size } = await to.stat();
    const into = buffers();
    for (const { start, end } of await extentsOfBoth(base, changed)) {
      for await (const { offset, bytes } of differingRuns(from, to, { start, end: Math.min(end, size) }, into)) {
        const name = `${offset}`;
        await writeFile(join(scratch, name), bytes);
        writes.push(`write -q -s ${name} ${offset} ${bytes.length}`);
      }
    }
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
  for (let done = 0; done < writes.length; done += maxWritesAtOnce) {
    const commands = writes.slice(done, done + maxWritesAtOnce).flatMap((write) => ['-c', write]);
    await run('qemu-io', ['-f', 'qcow2', '-t', 'writeback', ...commands, overlay], { cwd: scratch });
  }
}

async function extentsOfBoth(base: string, changed: string): Promise<readonly Extent[]> {
  const maps = await Promise.all([base, changed].map(async (path) => parseMap((await run('qemu-img', mapArgs(path))).stdout)));
  return joined(maps.flat(), clusterBytes);
}

interface Run {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Where pieces of both files are read to, again and again: memory that is new each time takes longer than they do. */
type Buffers = readonly [was: Buffer, is: Buffer];

function buffers(): Buffers {
  return [Buffer.alloc(maxRunBytes), Buffer.alloc(maxRunBytes)];
}

/** Runs of clusters that differ, each good until the next is asked for; where one of the files has ended, it reads as zeros. */
async function* differingRuns(base: FileHandle, changed: FileHandle, { start, end }: Extent, into: Buffers): AsyncGenerator<Run> {
  for (let offset = start; offset < end; offset += maxRunBytes) {
    const length = Math.min(maxRunBytes, end - offset);
    const [was, is] = await Promise.all([bytesAt(base, offset, length, into[0]), bytesAt(changed, offset, length, into[1])]);
    if (was.equals(is)) continue;
    let first: number | null = null;
    for (let at = 0; at < length; at += clusterBytes) {
      const differs = !was.subarray(at, at + clusterBytes).equals(is.subarray(at, at + clusterBytes));
      if (differs) first ??= at;
      if (!differs && first !== null) {
        yield { offset: offset + first, bytes: is.subarray(first, at) };
        first = null;
      }
    }
    if (first !== null) yield { offset: offset + first, bytes: is.subarray(first) };
  }
}

async function bytesAt(file: FileHandle, offset: number, length: number, into: Buffer): Promise<Buffer> {
  const { bytesRead } = await file.read(into, 0, length, offset);
  return into.fill(0, bytesRead, length).subarray(0, length);
}

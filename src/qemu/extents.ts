import { z } from 'zod';

/** A part of a file that has data; what lies between is a hole and reads as zeros. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Arguments of `qemu-img` that list the parts of a raw file that have data. */
export function mapArgs(path: string): readonly string[] {
  return ['map', '--output=json', '-f', 'raw', '--', path];
}

const map = z.array(z.object({ start: z.int().min(0), length: z.int().min(0), data: z.boolean() }));

/** The extents in what `qemu-img map` prints. */
export function parseMap(stdout: string): readonly Extent[] {
  return map.parse(JSON.parse(stdout)).flatMap(({ start, length, data }) => (data ? [{ start, end: start + length }] : []));
}

/** Everything that one of the lists has, in whole clusters, ascending and without overlaps. */
export function joined(extents: readonly Extent[], clusterBytes: number): readonly Extent[] {
  const whole = extents
    .map(({ start, end }) => ({
      start: Math.floor(start / clusterBytes) * clusterBytes,
      end: Math.ceil(end / clusterBytes) * clusterBytes,
    }))
    .sort((a, b) => a.start - b.start);
  const result: Extent[] = [];
  for (const extent of whole) {
    const last = result.at(-1);
    if (last !== undefined && extent.start <= last.end)
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, extent.end) };
    else result.push(extent);
  }
  return result;
}

import { writeArgs } from '../../qemu/img.ts';
import { tellsShare } from '../qemu-img.ts';
import { run } from '../run.ts';
import type { RootBase } from './backend.ts';

/** Writes all of a base into a block device that is there and is as large, and flushes it. Progress in bytes. */
export async function writeImage({ path: from, format: fromFormat, imageId, sizeBytes }: RootBase, to: string): Promise<void> {
  const onOutput = tellsShare(`write ${imageId} to ${to}`, sizeBytes);
  await run('qemu-img', writeArgs({ from, fromFormat, to }), { onOutput });
}

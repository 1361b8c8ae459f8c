import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from '../is-there.ts';
import { checkDisk, diskInfo } from '../qemu-img.ts';
import { fail } from '../record-client.ts';
import { renameDurably, syncContent } from '../rename-durably.ts';
import { hasDigest } from './digest.ts';
import { type Incoming, ownDisk, partialOf } from './disk-receiver.ts';
import { endReceiver, forget } from './places.ts';

/**
 * Ends the server of a disk that came over, makes sure that it is whole and survives a power loss, and gives it its name. `digest` is
 * what its source found in it; null where the source compared it. Raises `TransferBroken`; then the disk keeps its other name.
 */
export async function sealDisk(incoming: Incoming & { readonly digest: string | null }): Promise<void> {
  const { directory, transfers, disk } = incoming;
  await endReceiver(transfers, disk.name);
  const partial = partialOf(directory, disk);
  if (partial !== null && !(await isThere(partial))) {
    if (!(await isThere(join(directory, disk.name)))) throw fail('TransferBroken', `${partial} is gone: somebody removed it`);
  } else {
    await requireWhole(incoming);
    if (partial !== null) await renameDurably(partial, join(directory, disk.name));
  }
  await forget(transfers, disk.name);
}

async function requireWhole({ directory, disk, sizeBytes, digest }: Incoming & { readonly digest: string | null }): Promise<void> {
  const { path, format, isDevice } = ownDisk(directory, disk);
  await syncContent(path);
  if (format === 'qcow2') await checkDisk({ path, format, sizeBytes });
  const found = format === 'qcow2' ? (await diskInfo({ path, format })).virtualSizeBytes : (await stat(path)).size;
  if (found !== sizeBytes && !isDevice) throw fail('TransferBroken', `${path} has ${found} bytes, its source has ${sizeBytes}`);
  if (digest !== null && !(await hasDigest(path, sizeBytes, digest))) {
    throw fail('TransferBroken', `${path} does not hold what its source holds`);
  }
}

import { join } from 'node:path';
import type { UefiFiles } from '../qemu/firmware.ts';
import { makeBootFile } from './disks/boot-file.ts';

/**
 * Makes the UEFI variables of a guest, in a file beside its disks, which are moved and removed together with it. Variables that
 * are there are the guest's, and kept. libvirt would make the file at each start that does not find it, but as the user of QEMU,
 * who may not write into the directory of an instance.
 */
export async function makeUefiVariables(directory: string, { templatePath }: UefiFiles): Promise<void> {
  await makeBootFile(variablesPathIn(directory), templatePath);
}

/** The file of a guest's UEFI variables. */
export function variablesPathIn(directory: string): string {
  return join(directory, 'nvram');
}

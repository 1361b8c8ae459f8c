import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { backingNameIn, QCOW2_HEADER_BYTES } from '../../images/qcow2.ts';
import { DomainXml, type Libvirt } from '../../libvirt/index.ts';
import { baseDirectory, baseNameOf, baseNamesIn } from '../../model/base-name.ts';
import type { Instance } from '../../model/instance.ts';
import { concurrently } from '../concurrently.ts';
import { errnoOf, isNoDomain } from '../failures.ts';
import { namesOf } from '../listing.ts';
import { queryRecord } from '../record-client.ts';

const atOnce = 16;

/** The bases that instances of this host have by their records: of their disks, and of the image an operation may be building from. */
export async function basesOfRecords(by: Client, host: string): Promise<ReadonlySet<string>> {
  const ids = await namesOf('instance', `ComputeHost = '${host}'`, by);
  const records = await concurrently(ids, atOnce, (id) => queryRecord<Instance>('instance', id, by));
  const images = records.flatMap((instance) => {
    if (instance === null) return [];
    const { image, disks } = instance;
    return [...(image === null ? [] : [image]), ...disks.flatMap(({ backing }) => backing?.imageId ?? [])];
  });
  return new Set(images.map(baseNameOf));
}

/** The bases that domains of this host name, ours or not: as they run and as they are defined. */
export async function basesOfDomains(libvirt: Libvirt): Promise<ReadonlySet<string>> {
  const domains = await libvirt.connectListAllDomains({ needResults: 1 });
  const described = domains.flatMap((dom) => [0, DomainXml.inactive].map((flags) => ({ dom, flags })));
  const names = await concurrently(described, atOnce, async (one) => {
    try {
      return baseNamesIn(await libvirt.domainGetXmlDesc(one));
    } catch (error) {
      if (isNoDomain(error)) return [];
      throw error;
    }
  });
  return new Set(names.flat());
}

/**
 * The bases that files below the instances name as their backing file: the overlays themselves, whoever made them. Their headers are
 * read by our own few lines and nothing is opened for it: a guest that writes such a header into a raw disk keeps a base, and no more.
 */
export async function basesOfFiles(instancesDir: string): Promise<ReadonlySet<string>> {
  const directories = (await readdir(instancesDir, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== baseDirectory,
  );
  const names = await concurrently(directories, atOnce, async ({ name }) => {
    const files = await filesBelow(join(instancesDir, name));
    return (await concurrently(files, 1, backingNamesOf)).flat();
  });
  return new Set(names.flat());
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function backingNamesOf(path: string): Promise<readonly string[]> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []; // deleted meanwhile
    throw error;
  }
  try {
    const place = backingNameIn(await bytesAt(file, 0, QCOW2_HEADER_BYTES));
    return place === null ? [] : baseNamesIn((await bytesAt(file, place.offset, place.bytes)).toString('latin1'));
  } finally {
    await file.close();
  }
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

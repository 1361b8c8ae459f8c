import { randomUUID } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../../src/model/image.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OwnCloud } from './cloud-fixture.ts';

/** The id of an image with nothing on it: the firmware finds nothing to boot and waits, which costs the machine next to nothing. */
export async function blankImage(own: OwnCloud, properties: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = await blankDisk(own);
  const request = { name, source: `file:${name}`, diskFormat: 'raw', properties };
  const workflowId = `import-${name}`;
  return ((await own.client.workflow.execute('importImage', { taskQueue: controlQueue, workflowId, args: [request] })) as Image).id;
}

/** The name of a disk like that, ready to be imported. */
export async function blankDisk({ cloud }: OwnCloud, sizeBytes: number = 1024 ** 2): Promise<string> {
  const name = `blank-${randomUUID()}`;
  const path = join(cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', name);
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return name;
}

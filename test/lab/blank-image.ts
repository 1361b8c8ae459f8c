import { randomUUID } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../../src/model/image.ts';
import { controlQueue } from '../../src/model/queues.ts';
import type { OwnCloud } from './cloud-fixture.ts';

/** The id of a disk with nothing on it: the firmware finds nothing to boot and waits, which costs the machine next to nothing. */
export async function blankImage({ client, cloud }: OwnCloud): Promise<string> {
  const name = `blank-${randomUUID()}`;
  const path = join(cloud.settings['NOVAFLOW_IMPORT_DIRECTORY'] ?? '', name);
  await writeFile(path, '');
  await truncate(path, 1024 ** 2);
  const request = { name, source: `file:${name}`, diskFormat: 'raw' };
  const imported = await client.workflow.execute('importImage', { taskQueue: controlQueue, workflowId: `import-${name}`, args: [request] });
  return (imported as Image).id;
}

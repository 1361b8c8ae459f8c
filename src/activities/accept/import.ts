import type { Host } from '../../model/host.ts';
import type { Image, ImageFormat } from '../../model/image.ts';
import type { BeginImage, BegunImage } from '../../model/image-record.ts';
import type { Accepted } from '../../model/operation.ts';
import { currentContext } from '../context.ts';
import { namesOf } from '../listing.ts';
import { fail, queryRecord, updateWithStart } from '../record-client.ts';
import { runOf } from '../records.ts';
import { activeImage } from './images.ts';
import { type AcceptInput, invalid, parsed } from './parse.ts';

export interface AcceptedImport extends Accepted {
  readonly image: Image;
  readonly host: string;
  readonly source: string;
  readonly diskFormat: ImageFormat;
  readonly checksum: string | null;
  readonly projectId: string;
}

export interface AcceptImportActivities {
  /** Checks an import, chooses the host that does it, makes the image's record and takes it. Repeatable. */
  acceptImport(input: AcceptInput): Promise<AcceptedImport>;
}

export const acceptImportActivities: AcceptImportActivities = {
  acceptImport: async ({ request, firstRunId }) => {
    const { userId, projectId } = currentContext();
    const asked = parsed('importImage', request);
    const { name, diskFormat, source, properties = {}, minRootGiB = 0, minMemoryMiB = 0, onFailure = 'rollback' } = asked;
    const id = asked.imageId ?? firstRunId;
    const kernelId = await bootImageOf('kernelId', asked.kernelId, 'aki');
    const ramdiskId = await bootImageOf('ramdiskId', asked.ramdiskId, 'ari');
    const host = asked.host === undefined ? await anyHost() : await requireUp(asked.host);
    const create = { id, name, diskFormat, minRootGiB, minMemoryMiB, kernelId, ramdiskId, properties };
    const begin: BeginImage = { run: runOf(firstRunId), type: 'importImage', userId, create };
    const existed = fail('ImageExists', `image ${id} existed before: leave imageId out, or choose another`);
    const { token, record } = await updateWithStart<BegunImage>('image', id, 'begin', begin, existed);
    return { token, onFailure, image: record, host, source, diskFormat, checksum: asked.checksum ?? null, projectId };
  },
};

async function bootImageOf(field: string, id: string | undefined, format: ImageFormat): Promise<string | null> {
  if (id === undefined) return null;
  const image = await activeImage(id);
  if (image.diskFormat !== format) throw invalid(field, `names image ${image.name}, which is a ${image.diskFormat} and no ${format}`);
  return id;
}

async function requireUp(name: string): Promise<string> {
  const host = await queryRecord<Host>('host', name);
  if (host === null) throw fail('HostNotFound', `there is no host ${name}`);
  if (host.state === 'down') throw fail('HostUnavailable', `host ${name} is down: ${host.downReason}`);
  return name;
}

/** A host that is up: any reaches the image store. Raises `HostUnavailable`. */
export async function anyHost(): Promise<string> {
  const [host] = await namesOf('host', "ObjectState = 'up'");
  if (host === undefined) throw fail('HostUnavailable', 'no compute host is up: start a compute worker, or name a host');
  return host;
}

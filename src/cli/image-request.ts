import type { ImageFormat } from '../model/image.ts';
import type { RequestInputOf } from '../schema/request.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** The options of `image import` as they were typed. */
export interface ImportOptions {
  readonly file?: string | undefined;
  readonly url?: string | undefined;
  readonly format: ImageFormat;
  readonly kernel?: string | undefined;
  readonly ramdisk?: string | undefined;
  readonly property?: Readonly<Record<string, string>> | undefined;
  readonly checksum?: string | undefined;
  readonly minDisk?: number | undefined;
  readonly minRam?: number | undefined;
  readonly host?: string | undefined;
  readonly id?: string | undefined;
}

/** The request of `image import`; what was not typed is absent. */
export function importRequest(name: string, options: ImportOptions): RequestInputOf<'importImage'> {
  const { file, url, format, kernel, ramdisk, property, checksum, minDisk, minRam, host, id } = options;
  return {
    name,
    source: sourceOf(file, url),
    diskFormat: format,
    ...(kernel === undefined ? {} : { kernelId: kernel }),
    ...(ramdisk === undefined ? {} : { ramdiskId: ramdisk }),
    ...(property === undefined ? {} : { properties: { ...property } }),
    ...(checksum === undefined ? {} : { checksum }),
    ...(minDisk === undefined ? {} : { minRootGiB: minDisk }),
    ...(minRam === undefined ? {} : { minMemoryMiB: minRam }),
    ...(host === undefined ? {} : { host }),
    ...(id === undefined ? {} : { imageId: id }),
  };
}

function sourceOf(file: string | undefined, url: string | undefined): string {
  if ((file === undefined) === (url === undefined)) throw new CommandError(exitCodes.refused, 'an import needs either --file or --url');
  return url ?? `file:${file}`;
}

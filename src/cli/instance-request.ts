import { readFile } from 'node:fs/promises';
import type { RequestInputOf } from '../schema/request.ts';
import { wholeNumber } from './arguments.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

type BuildRequest = RequestInputOf<'buildInstance'>;
/** What of a request is sent encrypted. */
export type SecretFields = Pick<BuildRequest, 'adminPassword' | 'userData' | 'files'>;
type BlockDevice = NonNullable<BuildRequest['blockDevices']>[number];

/** The options of `instance create` as they were typed. */
export interface CreateOptions {
  readonly image: string;
  readonly flavor: string;
  /** `name` or `name=address`; false: none. */
  readonly network?: readonly string[] | boolean | undefined;
  /** The text of key files. */
  readonly keys?: readonly string[];
  readonly secrets?: SecretFields;
  readonly meta?: Readonly<Record<string, string>> | undefined;
  readonly ephemeral?: readonly BlockDevice[] | undefined;
  /** GiB. */
  readonly swap?: number | undefined;
  readonly az?: string | undefined;
  readonly hint?: Readonly<Record<string, string>> | undefined;
  readonly id?: string | undefined;
  readonly configDrive?: boolean | undefined;
  readonly onFailure?: 'rollback' | 'park' | undefined;
}

/** The request of `instance create`; what was not typed is absent, so that the defaults are the server's. */
export function buildRequest(name: string, options: CreateOptions): BuildRequest {
  const { image, flavor, network, keys = [], secrets, meta, ephemeral = [], swap, az, hint, id, configDrive, onFailure } = options;
  const blockDevices = [...ephemeral, ...(swap === undefined ? [] : [blankOf(swap, 'swap')])];
  return {
    name,
    image,
    flavor,
    ...(network === undefined ? {} : { networks: networksOf(network) }),
    ...(keys.length === 0 ? {} : { publicKeys: keys.flatMap(keysIn) }),
    ...secrets,
    ...(meta === undefined ? {} : { metadata: { ...meta } }),
    ...(blockDevices.length === 0 ? {} : { blockDevices }),
    ...(az === undefined ? {} : { availabilityZone: az }),
    ...(hint === undefined ? {} : { hints: hintsOf(hint) }),
    ...(id === undefined ? {} : { instanceId: id }),
    ...(configDrive === false ? { configDrive: false } : {}),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

/** Gathers ephemeral disks, each typed as `GiB` or `GiB=format`. */
export function ephemerals(text: string, before: readonly BlockDevice[] = []): readonly BlockDevice[] {
  const [size = '', format] = text.split('=', 2);
  return [...before, blankOf(wholeNumber(size), format)];
}

/** The texts of key files. Raises a `CommandError` that names the file that cannot be read. */
export function readKeys(files: readonly string[]): Promise<string[]> {
  return Promise.all(
    files.map((file) =>
      readFile(file, 'utf8').catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new CommandError(exitCodes.refused, `the key file cannot be read: ${why}`, { cause: error });
      }),
    ),
  );
}

function networksOf(network: readonly string[] | boolean): NonNullable<BuildRequest['networks']> {
  if (typeof network === 'boolean') return network ? 'auto' : 'none';
  return network.map((text) => {
    const [name = '', fixedIp] = text.split('=', 2);
    return { network: name, ...(fixedIp === undefined ? {} : { fixedIp }) };
  });
}

function blankOf(sizeGiB: number, guestFormat: string | undefined): BlockDevice {
  return { source: 'blank', destination: 'local', sizeGiB, ...(guestFormat === undefined ? {} : { guestFormat }) };
}

/** Several ids of one hint are parted by commas; what is no hint is the server's to refuse. */
function hintsOf(hint: Readonly<Record<string, string>>): NonNullable<BuildRequest['hints']> {
  return Object.fromEntries(Object.entries(hint).map(([name, value]) => [name, value.includes(',') ? value.split(',') : value]));
}

/** A key file may be an `authorized_keys`: a key a line, comments between them. */
function keysIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

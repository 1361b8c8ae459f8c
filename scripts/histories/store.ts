import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { History } from '@temporalio/common/lib/proto-utils.js';

/** A run of a release, as later releases have to replay it. The file is its JSON, compressed, with bytes in base64. */
export interface StoredHistory {
  readonly workflowId: string;
  readonly history: History;
}

/** Where the histories of all releases lie: `<type>.<case>.<release>.json.gz`, and their checksums. */
export const historiesDirectory = join(import.meta.dirname, '..', '..', 'test', 'histories');

const suffix = '.json.gz';
const checksumsFile = 'CHECKSUMS';

/** The names of all histories that were captured, without directory and ending. */
export async function storedNames(directory = historiesDirectory): Promise<readonly string[]> {
  return [...(await checksums(directory)).keys()].map((file) => file.slice(0, -suffix.length));
}

/** The history of this name. Throws when it is not the one that was captured. */
export async function readStored(name: string, directory = historiesDirectory): Promise<StoredHistory> {
  const bytes = await readFile(join(directory, `${name}${suffix}`));
  const wanted = (await checksums(directory)).get(`${name}${suffix}`);
  if (wanted !== sha256(bytes)) throw new Error(`${name}${suffix} is not what ${checksumsFile} says: a captured history never changes`);
  return JSON.parse(gunzipSync(bytes).toString('utf8')) as StoredHistory;
}

/** Writes a history under a name that is free, with its checksum; nothing in it tells of this machine. */
export async function store(name: string, { workflowId, history }: StoredHistory, directory = historiesDirectory): Promise<void> {
  const text = withoutMachine(JSON.stringify({ workflowId, history: plain(history) }));
  const bytes = gzipSync(text, { level: 9 });
  await writeFile(join(directory, `${name}${suffix}`), bytes, { flag: 'wx' });
  const known = new Map(await checksums(directory)).set(`${name}${suffix}`, sha256(bytes));
  const lines = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, checksum]) => `${checksum}  ${file}\n`);
  await writeFile(join(directory, checksumsFile), lines.join(''));
}

/** By file name, as `sha256sum -c` reads them. */
async function checksums(directory: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(directory, checksumsFile), 'utf8').catch(() => '');
  return new Map([...text.matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm)].map(([, checksum = '', file = '']) => [file, checksum]));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * A message of Temporal as plain JSON that its encoder takes again: bytes in base64, counters as numbers, and no stacks of failures, which
 * name the files of this machine. The SDK's own `historyToJSON` fails where npm installed protobufjs twice (1.24.0).
 */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (isLong(value)) return value.toNumber();
  return Object.fromEntries(Object.entries(value).flatMap(([key, member]) => (key === 'stackTrace' ? [] : [[key, plain(member)]])));
}

function isLong(value: object): value is { toNumber(): number } {
  return 'toNumber' in value && typeof value.toNumber === 'function';
}

/** Workers sign as `<pid>@<host>`, in their identity and in the queues of their own. */
function withoutMachine(text: string): string {
  return text.replaceAll(new RegExp(`\\d+@${hostname().replaceAll('.', '\\.')}`, 'g'), 'worker');
}

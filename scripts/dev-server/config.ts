import { readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

const port = z.int().min(1).max(65535);
const variable = z.string().regex(/^[A-Za-z]\w*$/, 'is no name: letters, digits and _');

const schema = z.strictObject({
  ip: z.enum(['127.0.0.1', '0.0.0.0']),
  port,
  uiIp: z.ipv4(),
  uiPort: port,
  uiCodecEndpoint: z.url({ protocol: /^https?$/ }).nullable(),
  namespace: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'is no namespace: letters, digits, ".", "_" and "-"'),
  databaseFile: z.string().min(1).nullable(),
  sqlitePragmas: z.record(variable, z.string()),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'never']),
  searchAttributes: z.record(variable, z.enum(['Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'])),
  dynamicConfig: z.record(z.string().regex(/^[A-Za-z][\w.]*$/, 'is no setting: letters, digits, "_" and "."'), z.json()),
});

/** What `temporal-dev.yaml` holds; `databaseFile` is absolute here, and null means in memory. */
export type DevServerConfig = Readonly<z.infer<typeof schema>>;

/** What a copy may change; `databaseFile` stays relative to the copy. */
export type DevServerOverrides = Partial<DevServerConfig>;

/** A configuration that is refused; the message has one sentence a fault, with its line and key. */
export class DevServerConfigError extends Error {
  override readonly name = 'DevServerConfigError';
}

/** Reads a dev server's configuration, or throws `DevServerConfigError`. */
export async function readDevServerConfig(file: string): Promise<DevServerConfig> {
  const { config } = await parseConfig(file);
  return config.databaseFile === null ? config : { ...config, databaseFile: resolve(dirname(file), config.databaseFile) };
}

/** Writes to `to` a copy of the configuration in `from` with `overrides` in it; comments stay, and a fault in either throws. */
export async function writeDevServerConfig(copy: { from: string; to: string; overrides: DevServerOverrides }): Promise<void> {
  const { document } = await parseConfig(copy.from);
  for (const [key, value] of Object.entries(copy.overrides)) document.set(key, document.createNode(value));
  const faults = faultsOf(document.toJS(), () => copy.to);
  if (faults !== null) throw new DevServerConfigError(faults);
  await writeFile(copy.to, document.toString({ lineWidth: 0 }));
}

async function parseConfig(file: string): Promise<{ config: DevServerConfig; document: Document }> {
  const lines = new LineCounter();
  const document = parseDocument(await readFile(file, 'utf8'), { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) throw new DevServerConfigError(`${file}: ${broken.message}`);
  const content: unknown = document.toJS();
  const faults = faultsOf(content, (path) => `${file}:${lines.linePos(offsetOf(document, path)).line}`);
  if (faults !== null) throw new DevServerConfigError(faults);
  return { config: schema.parse(content), document };
}

function faultsOf(content: unknown, place: (path: readonly PropertyKey[]) => string): string | null {
  const { error } = schema.safeParse(content, { reportInput: true });
  if (error === undefined) return null;
  return error.issues
    .flatMap((issue) => {
      if (issue.code !== 'unrecognized_keys') return `${place(issue.path)}: ${sentenceOf(issue)}`;
      return issue.keys.map((key) => `${place([...issue.path, key])}: unknown key "${[...issue.path, key].join('.')}"`);
    })
    .join('\n');
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const key = `"${issue.path.join('.')}"`;
  return issue.code === 'invalid_type' && issue.input === undefined ? `${key} is missing` : `${key}: ${issue.message}`;
}

/** Where the key named by `path` stands in the text, or the last of its parents that does. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
    if (pair === undefined) break;
    offset = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
    node = pair.value;
  }
  return offset;
}

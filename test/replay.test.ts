import { appendFile, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { historiesDirectory, readStored, store, storedNames } from '../scripts/histories/store.ts';
import { dataConverterWith } from '../src/client.ts';
import { installLog, openLog } from '../src/logging.ts';
import { workflowBundle } from '../src/workflow-bundle.ts';
import * as workflows from '../src/workflows/index.ts';
import { testKeys } from './codec/test-keys.ts';
import { canariesIn } from './workflows/canaries.ts';

type Bundle = NonNullable<Parameters<typeof Worker.runReplayHistories>[0]['workflowBundle']>;

const names = await storedNames();
const recordTypes = ['instance', 'image', 'network', 'host'];
const bundlingMs = 120_000;
const replayMs = 30_000;
const dataConverter = dataConverterWith(async () => testKeys);

/** Why the run cannot go on with this code, or null when it can. */
async function violation(name: string, workflowBundleOfTest: Bundle): Promise<Error | null> {
  const { workflowId, history } = await readStored(name);
  for await (const { error } of Worker.runReplayHistories({ workflowBundle: workflowBundleOfTest, dataConverter }, [
    { workflowId, history },
  ])) {
    return error ?? null;
  }
  throw new Error(`${name} was not replayed`);
}

/** All text of a history: of its fields and inside its payloads. */
async function textOf(name: string): Promise<string> {
  const json = JSON.stringify(await readStored(name));
  const payloads = [...json.matchAll(/"data":"([^"]+)"/g)].map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'));
  return [json, ...payloads].join('\n');
}

beforeAll(() => installLog(openLog({ log: { level: 'fatal', pretty: 'never' } })));

describe('the workflows of today', { timeout: replayMs }, () => {
  let today: Bundle;
  beforeAll(async () => {
    today = { codePath: await workflowBundle() };
  }, bundlingMs);

  test.for(names)('take over %s', async (name) => {
    expect(await violation(name, today)).toBeNull();
  });
});

describe('records whose handlers changed', { timeout: replayMs }, () => {
  let changed: Bundle;
  beforeAll(async () => {
    changed = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('replay/changed-records.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    });
  }, bundlingMs);
  const records = names.filter((name) => recordTypes.some((type) => name.startsWith(`${type}.`)));

  test.for(records.filter((name) => name.includes('.idle.')))('take over %s', async (name) => {
    expect(await violation(name, changed)).toBeNull();
  });

  test.for(records.filter((name) => !name.includes('.idle.')))('do not take over %s', async (name) => {
    expect(await violation(name, changed)).toMatchObject({ name: 'DeterminismViolationError' });
  });
});

describe('a stored history', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'novaflow-histories-'));
    await cp(historiesDirectory, directory, { recursive: true });
    return () => rm(directory, { recursive: true });
  });
  const [name = 'none'] = names;

  test('is refused when it is not the one that was captured', async () => {
    await appendFile(join(directory, `${name}.json.gz`), ' ');
    await expect(readStored(name, directory)).rejects.toThrow('a captured history never changes');
  });

  test('is never written again', async () => {
    await expect(store(name, await readStored(name), directory)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('is read as it was stored', async () => {
    const stored = await readStored(name);
    await store('copy', stored, directory);
    expect(await readStored('copy', directory)).toStrictEqual(stored);
  });
});

test('every file of a history has its checksum', async () => {
  const files = (await readdir(historiesDirectory)).filter((file) => file !== 'CHECKSUMS');
  expect(files.sort()).toStrictEqual(names.map((name) => `${name}.json.gz`).sort());
});

test('every workflow has a history, and every record an idle one', () => {
  const types = new Set(names.map((name) => name.split('.')[0]));
  expect(types).toStrictEqual(new Set(Object.keys(workflows)));
  const idle = names.filter((name) => name.includes('.idle.')).map((name) => name.split('.')[0]);
  expect(new Set(idle)).toStrictEqual(new Set(recordTypes));
});

test.for([
  ['buildInstance.with-secrets.', '"with-secrets"'], // the name of the instance, in its record
  ['setInstancePassword.clean.', '"new-password"'],
  ['setInstancePassword.no-answer.', '"same-password"'],
] as const)('the histories of %s are encrypted where they would tell secrets', async ([start, told]) => {
  const [name = 'none'] = names.filter((one) => one.startsWith(start));
  const text = await textOf(name);
  expect(text).toContain(told);
  expect(canariesIn(Buffer.from(text))).toEqual([]);
});

test.for(names)('%s tells nothing of the machine that captured it', async (name) => {
  const text = await textOf(name);
  expect(text).not.toContain(fileURLToPath(new URL('..', import.meta.url)));
  expect(text).not.toMatch(/\b\d+@/); // a worker's pid and host
  expect(text).not.toMatch(/node_modules|\.ts:\d+|\/home\/|\/root\//);
});

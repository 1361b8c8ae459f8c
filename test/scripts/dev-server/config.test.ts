import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDevServerConfig, writeDevServerConfig } from '../../../scripts/dev-server/config.ts';

const shipped = 'temporal-dev.yaml';
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Puts the shipped file into the test's directory with one piece of its text changed, and answers its path. */
async function changed(before: string | RegExp, after: string): Promise<string> {
  const text = await readFile(shipped, 'utf8');
  const result = text.replace(before, after);
  expect(result).not.toBe(text);
  const file = join(directory, 'temporal-dev.yaml');
  await writeFile(file, result);
  return file;
}

async function lineOf(file: string, text: string): Promise<number> {
  return (await readFile(file, 'utf8')).split('\n').findIndex((line) => line.includes(text)) + 1;
}

describe('the configuration of the dev server', () => {
  test('ships with the settings that make a step fast and with the search attributes of the contract', async () => {
    const config = await readDevServerConfig(shipped);
    expect(config).toMatchObject({
      sqlitePragmas: { journal_mode: 'wal', synchronous: 'normal' },
      dynamicConfig: {
        'history.transferProcessorMaxPollRPS': 2000,
        'history.timerProcessorMaxPollRPS': 2000,
        'history.visibilityProcessorMaxPollRPS': 2000,
        'history.workflowIdReuseMinimalInterval': '0s',
      },
    });
    expect(config.searchAttributes).toEqual({
      VmState: 'Keyword',
      TaskState: 'Keyword',
      PowerState: 'Keyword',
      ComputeHost: 'Keyword',
      ProjectId: 'Keyword',
      InstanceId: 'Keyword',
      ObjectName: 'Keyword',
      ObjectState: 'Keyword',
      Attention: 'Keyword',
      Tags: 'KeywordList',
    });
  });

  test('names an unknown key and its line', async () => {
    const file = await changed('namespace: default', 'namespace: default\nnamespaces: [default]');
    const line = await lineOf(file, 'namespaces');
    await expect(readDevServerConfig(file)).rejects.toThrow(`${file}:${line}: unknown key "namespaces"`);
  });

  test.for([
    ['names a missing key', /^uiPort: .*$/m, '', '"uiPort" is missing'],
    ['names the key of a port out of range', 'port: 7233', 'port: 70000', '"port": '],
    ['refuses an address on which the server would come up and do no work', 'ip: 127.0.0.1', 'ip: 10.0.0.1', '"ip": '],
    ['names the key of a codec server that is no address', 'uiCodecEndpoint: null', 'uiCodecEndpoint: here', '"uiCodecEndpoint": '],
    ['names the key of a search attribute of an unknown type', 'VmState: Keyword', 'VmState: Keywrod', '"searchAttributes.VmState": '],
    ['refuses a key that stands twice', 'namespace: default', 'namespace: default\nnamespace: other', 'Map keys must be unique'],
  ] as const)('%s', async ([, before, after, sentence]) => {
    await expect(readDevServerConfig(await changed(before, after))).rejects.toThrow(sentence);
  });

  test('says the line of a fault that lies deep', async () => {
    const file = await changed('Tags: KeywordList', 'Tags: [KeywordList]');
    const line = await lineOf(file, 'Tags');
    await expect(readDevServerConfig(file)).rejects.toThrow(`${file}:${line}: "searchAttributes.Tags"`);
  });

  test('places the database beside the file, wherever it is read from', async () => {
    const file = await changed(/^databaseFile: .*$/m, 'databaseFile: state/temporal.db');
    expect((await readDevServerConfig(file)).databaseFile).toBe(join(directory, 'state', 'temporal.db'));
  });

  test('keeps everything in memory where the database is null', async () => {
    const file = await changed(/^databaseFile: .*$/m, 'databaseFile: null');
    expect((await readDevServerConfig(file)).databaseFile).toBeNull();
  });
});

describe('a copy of the configuration', () => {
  test('differs in what was asked for and in nothing else', async () => {
    const to = join(directory, 'copy.yaml');
    await writeDevServerConfig({ from: shipped, to, overrides: { port: 4001, uiPort: 4002, databaseFile: 'own.db' } });
    expect(await readDevServerConfig(to)).toEqual({
      ...(await readDevServerConfig(shipped)),
      port: 4001,
      uiPort: 4002,
      databaseFile: join(directory, 'own.db'),
    });
  });

  test('is not written with a value that would be refused', async () => {
    const to = join(directory, 'copy.yaml');
    await expect(writeDevServerConfig({ from: shipped, to, overrides: { port: -1 } })).rejects.toThrow(`${to}: "port": `);
    await expect(readFile(to)).rejects.toThrow('ENOENT');
  });
});

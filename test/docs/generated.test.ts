import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { configurationManual } from '../../docs/configuration.ts';
import { contractFiles } from '../../docs/contract.ts';
import { examples, notificationFiles } from '../../docs/notifications.ts';
import { statesManual } from '../../docs/states.ts';
import { staleFiles } from '../../docs/write-or-check.ts';
import { settings, settingsOf } from '../../src/config/settings.ts';
import { actionEvents, stagesOfResize, updateEvent } from '../../src/model/action-events.ts';
import { notification } from '../../src/schema/notification.ts';

const docs = new URL('../../docs/', import.meta.url);

test('docs/contract is what the schemas say (else: node docs/contract.ts)', async () => {
  expect(await staleFiles({ directory: new URL('contract/', docs), files: contractFiles() })).toEqual([]);
});

test('docs/notifications is what the code says (else: node docs/notifications.ts)', async () => {
  expect(await staleFiles({ directory: new URL('notifications/', docs), files: notificationFiles() })).toEqual([]);
});

test('there is an example of each event, and each is as the schema says', () => {
  const all = examples();
  expect(all.flatMap((event) => notification.safeParse(event).error?.issues ?? [])).toEqual([]);
  const named = new Set(all.map((event) => notification.parse(event).type));
  const events = Object.values(actionEvents).flatMap((action) => (action === null ? [] : [action.start, action.end, action.error]));
  const stages = Object.values(stagesOfResize).flatMap((stage) => (stage === null ? [] : [`${stage}.start`, `${stage}.end`]));
  const within = stages.map((stage) => `compute.instance.${stage}`);
  expect([...events, ...within, updateEvent].filter((event) => !named.has(event))).toEqual([]);
});

test('docs/configuration.md is what the settings say (else: node docs/configuration.ts)', async () => {
  const files = new Map([['configuration.md', configurationManual()]]);
  expect(await staleFiles({ directory: docs, files, isShared: true })).toEqual([]);
});

test('docs/states.md is what the state machine says (else: node docs/states.ts)', async () => {
  expect(await staleFiles({ directory: docs, files: new Map([['states.md', statesManual()]]), isShared: true })).toEqual([]);
});

test('the manual has a row for each setting', () => {
  const manual = configurationManual();
  expect(settingsOf(settings).filter(({ key }) => !manual.includes(`\n| \`${key}\` `))).toEqual([]);
});

test('a file that was changed, that is missing or that is left over is stale', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-docs-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const name of ['same', 'changed', 'left-over']) await writeFile(join(directory, name), name);
  const files = new Map([
    ['same', 'same'],
    ['changed', 'new'],
    ['missing', 'new'],
  ]);
  const url = pathToFileURL(`${directory}/`);
  expect(await staleFiles({ directory: url, files })).toEqual(['changed', 'left-over', 'missing']);
  expect(await staleFiles({ directory: url, files, isShared: true })).toEqual(['changed', 'missing']);
});

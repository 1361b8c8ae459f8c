import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settingsFor, startReceiver } from '../test/notifications/receiver.ts';
import { type Fleet, furnish, startFleet } from '../test/workflows/fleet.ts';
import { writeDevServerConfig } from './dev-server/config.ts';
import { freeServerPorts } from './dev-server/ports.ts';
import { type DevServer, startDevServer } from './dev-server.ts';
import { type Case, cases, type Stage, stageCapacity, stageHosts, stageSettings } from './histories/cases.ts';
import { store, storedNames } from './histories/store.ts';
import { type TellingCase, tellingCases } from './histories/telling-cases.ts';

/**
 * Lists the histories that every release has to replay; with `--new` plays on a server of its own, with hosts that are plain
 * objects, those that this release has not captured yet, and stores them. What is stored is never written again: a changed
 * workflow gets a new release or a new case.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { new: { type: 'boolean', default: false } } });
  const release = await releaseOfPackage();
  const stored = new Set(await storedNames());
  const isMissing = (one: Case | TellingCase) => !stored.has(nameOf(one, release));
  const missing = cases.filter(isMissing);
  const missingTelling = tellingCases.filter(isMissing);
  if (!values.new) {
    for (const name of stored) console.log(name);
    for (const one of [...missing, ...missingTelling]) console.log(`${nameOf(one, release)}: not captured`);
    return;
  }
  if (missing.length > 0) await onServer((server) => capture(missing, release, server));
  if (missingTelling.length > 0) await onServer((server) => captureTelling(missingTelling, release, server));
}

async function capture(missing: readonly Case[], release: string, server: DevServer): Promise<void> {
  await using fleet = await startFleet(stageHosts, stageCapacity, server, { settings: stageSettings });
  const stage: Stage = { fleet, request: await furnish(fleet, 'histories') };
  for (const one of missing) {
    await keep(nameOf(one, release), fleet, await one.play(stage));
    fleet.leaveAlone();
  }
}

async function captureTelling(missing: readonly TellingCase[], release: string, server: DevServer): Promise<void> {
  await using receiver = await startReceiver();
  const settings = { ...settingsFor(receiver), 'notifications.log': 'true' };
  await using fleet = await startFleet(stageHosts, stageCapacity, server, { settings });
  const stage: Stage = { fleet, request: await furnish(fleet, 'histories') };
  for (const one of missing) await keep(nameOf(one, release), fleet, await one.play(stage, receiver));
}

async function keep(name: string, { client }: Fleet, { workflowId, runId }: { workflowId: string; runId?: string }): Promise<void> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  await store(name, { workflowId, history });
  console.log(`${name}: ${history.events?.length} events`);
}

async function onServer(work: (server: DevServer) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-histories-'));
  try {
    const configFile = join(directory, 'temporal-dev.yaml');
    const overrides = { ...(await freeServerPorts('127.0.0.1')), databaseFile: 'temporal.db' };
    await writeDevServerConfig({ from: join(import.meta.dirname, '..', 'temporal-dev.yaml'), to: configFile, overrides });
    await using server = await startDevServer({ configFile });
    await work(server);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function nameOf({ type, name }: Pick<Case, 'type' | 'name'>, release: string): string {
  return `${type}.${name}.${release}`;
}

async function releaseOfPackage(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as { version: string };
  return version;
}

await main();

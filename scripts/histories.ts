import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { furnish, startFleet } from '../test/workflows/fleet.ts';
import { writeDevServerConfig } from './dev-server/config.ts';
import { freeServerPorts } from './dev-server/ports.ts';
import { type DevServer, startDevServer } from './dev-server.ts';
import { type Case, cases, type Stage, stageCapacity, stageHosts } from './histories/cases.ts';
import { store, storedNames } from './histories/store.ts';

/**
 * Lists the histories that every release has to replay; with `--new` plays on a server of its own, with hosts that are plain
 * objects, those that this release has not captured yet, and stores them. What is stored is never written again: a changed
 * workflow gets a new release or a new case.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { new: { type: 'boolean', default: false } } });
  const release = await releaseOfPackage();
  const stored = new Set(await storedNames());
  const missing = cases.filter((one) => !stored.has(nameOf(one, release)));
  if (!values.new) {
    for (const name of stored) console.log(name);
    for (const one of missing) console.log(`${nameOf(one, release)}: not captured`);
    return;
  }
  if (missing.length > 0) await onServer((server) => capture(missing, release, server));
}

async function capture(missing: readonly Case[], release: string, server: DevServer): Promise<void> {
  await using fleet = await startFleet(stageHosts, stageCapacity, server);
  const stage: Stage = { fleet, request: await furnish(fleet, 'histories') };
  for (const one of missing) {
    const { workflowId, runId } = await one.play(stage);
    const history = await fleet.client.workflow.getHandle(workflowId, runId).fetchHistory();
    await store(nameOf(one, release), { workflowId, history });
    console.log(`${nameOf(one, release)}: ${history.events?.length} events`);
    fleet.leaveAlone();
  }
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

function nameOf({ type, name }: Case, release: string): string {
  return `${type}.${name}.${release}`;
}

async function releaseOfPackage(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as { version: string };
  return version;
}

await main();

import { mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readDevServerConfig, writeDevServerConfig } from '../dev-server/config.ts';
import { requireFreePort } from '../dev-server/ports.ts';

const wantedFreeMiB = 1024;
const labsDirectory = '/var/lib';

/** Where a demo's Temporal is described, and where what is left of a demo lies: its database and its logs. */
export interface DemoPlace {
  readonly configFile: string;
  readonly directory: string;
}

/**
 * Makes the place of a demo: a copy of `original` whose database is the demo's own and new each time, since what an earlier
 * demo left in it would tell of hosts that are gone. Raises a sentence when a port is taken or the disk is full.
 */
export async function makeDemoPlace(original: string): Promise<DemoPlace> {
  const { databaseFile, ip, port, uiIp, uiPort } = await readDevServerConfig(original);
  // Before the database goes: a server that runs on it must keep it.
  try {
    await requireFreePort({ ip, port, key: 'port' });
    await requireFreePort({ ip: uiIp, port: uiPort, key: 'uiPort' });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error} in ${original}`, { cause: error });
  }
  await requireFreeDisk(labsDirectory);
  const directory = join(dirname(databaseFile ?? original), databaseFile === null ? '.novaflow/demo' : 'demo');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const configFile = join(directory, 'temporal-dev.yaml');
  await writeDevServerConfig({ from: original, to: configFile, overrides: databaseFile === null ? {} : { databaseFile: 'temporal.db' } });
  return { configFile, directory };
}

async function requireFreeDisk(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeMiB = Math.floor((bavail * bsize) / 1024 ** 2);
  if (freeMiB >= wantedFreeMiB) return;
  throw new Error(`the demo needs ${wantedFreeMiB} MiB below ${directory}, which has ${freeMiB} MiB free: make room there`);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { writeDevServerConfig } from '../../scripts/dev-server/config.ts';
import { freeServerPorts } from '../../scripts/dev-server/ports.ts';
import { startDevServer } from '../../scripts/dev-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the run's Temporal server. */
    temporalAddress: string;
    temporalNamespace: string;
    /** Where its database lies, with its journal and its log beside it. */
    temporalDirectory: string;
  }
}

/** Starts one dev server for all workflow tests, with the settings of `temporal-dev.yaml`, a database of its own and free ports. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  const configFile = join(directory, 'temporal-dev.yaml');
  const overrides = { ...(await freeServerPorts('127.0.0.1')), databaseFile: 'temporal.db' };
  await writeDevServerConfig({ from: 'temporal-dev.yaml', to: configFile, overrides });
  const server = await startDevServer({ configFile });
  project.provide('temporalAddress', server.address);
  project.provide('temporalNamespace', server.namespace);
  project.provide('temporalDirectory', directory);
  return async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  };
}

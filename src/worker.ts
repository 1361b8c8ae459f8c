import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { requireMigrationTls } from './activities/live-migration/require-tls.ts';
import { CodecError } from './codec/codec-error.ts';
import { computeWorkers } from './compute-worker.ts';
import { ConfigError, loadConfig } from './config.ts';
import { controlWorkers } from './control-worker.ts';
import { installLog, openLog } from './logging.ts';
import { soleWorkerOf } from './sole-worker.ts';

const usage = 'usage: node src/worker.ts --role control|compute [--config FILE]';

/** Runs a worker of one role until SIGTERM or SIGINT, then lets its steps end. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { role: { type: 'string' }, config: { type: 'string' } } });
  const { role } = values;
  if (role !== 'control' && role !== 'compute') throw new ConfigError(usage);
  const config = loadConfig({ file: values.config });
  const log = openLog(config);
  installLog(log);
  const stopping = stopSignal();

  if (role === 'compute') {
    requireMigrationTls(config, process.env);
    await soleWorkerOf(config);
  }
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const workers = await (role === 'control' ? controlWorkers : computeWorkers)(config, { connection, namespace, stopping });
  const stop = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  if (stopping.aborted) return;
  stopping.addEventListener('abort', stop, { once: true });
  log.info({ role, ...(role === 'compute' ? { host: config.host.name } : {}), pid: process.pid }, 'worker is ready');
  await Promise.all(workers.map((worker) => worker.run().finally(stop)));
  await connection.close();
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(
    `${error instanceof ConfigError || error instanceof CodecError ? error.message : error instanceof Error ? error.stack : error}\n`,
  );
  process.exit(1);
}

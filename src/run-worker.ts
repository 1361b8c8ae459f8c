import { setMaxListeners } from 'node:events';
import { flushCompileCache } from 'node:module';
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

/** Runs a worker of one role until SIGTERM or SIGINT, then lets its steps end. A usage or a configuration that is wrong is said, and the exit code is 1. */
export async function runWorker(args: readonly string[]): Promise<never> {
  try {
    await run(args);
    process.exit(0);
  } catch (error) {
    process.stderr.write(
      `${error instanceof ConfigError || error instanceof CodecError ? error.message : error instanceof Error ? error.stack : error}\n`,
    );
    process.exit(1);
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { role: { type: 'string' }, config: { type: 'string' } } });
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
  const running = workers.map((worker) => worker.run().finally(stop));
  flushCompileCache(); // a worker that is killed would leave nothing to the next one
  await Promise.all(running);
  await connection.close();
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

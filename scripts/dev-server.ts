import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, format, parse, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findTemporal } from './dev-server/binary.ts';
import { type DevServerConfig, readDevServerConfig } from './dev-server/config.ts';
import { pidsListeningOn, requireFreePort } from './dev-server/ports.ts';
import { untilServing } from './dev-server/readiness.ts';

const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const LOG_TAIL_LINES = 15;

/** A Temporal dev server that serves. */
export interface DevServer extends AsyncDisposable {
  /** `host:port` for clients and workers on this machine. */
  readonly address: string;
  readonly uiUrl: string;
  readonly namespace: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the process is gone, whoever ended it. */
  readonly exited: Promise<void>;
  /** Ends the process, by force after 10 s, and resolves when it is gone; the database stays and can be started from again. */
  stop(): Promise<void>;
}

/**
 * Starts the dev server that `configFile` describes and resolves when it serves its namespace and search attributes.
 * Nothing else is read, no environment variable and no file of the `temporal` command. The server ends with this process,
 * however this process ends. Throws a sentence when a port is taken, and with the end of the log when the server dies.
 */
export async function startDevServer({ configFile }: { readonly configFile: string }): Promise<DevServer> {
  const config = await readDevServerConfig(configFile);
  const temporal = await findTemporal();
  await requireFreePort({ ip: config.ip, port: config.port, key: 'port' });
  await requireFreePort({ ip: config.uiIp, port: config.uiPort, key: 'uiPort' });

  const logFile = logFileOf(config.databaseFile ?? resolve(configFile));
  const server = await launch(temporal, argumentsOf(config), logFile);
  const address = `${dialable(config.ip)}:${config.port}`;
  try {
    await untilUp(server, { ...config, address });
  } catch (error) {
    await server.stop();
    throw new Error(`the Temporal dev server did not start: ${reasonOf(error)}\n${await tailOf(logFile)}`, { cause: error });
  }
  return {
    ...server,
    address,
    uiUrl: `http://${dialable(config.uiIp)}:${config.uiPort}`,
    namespace: config.namespace,
    logFile,
    [Symbol.asyncDispose]: server.stop,
  };
}

type Process = Pick<DevServer, 'pid' | 'exited' | 'stop'>;

async function launch(temporal: string, args: readonly string[], logFile: string): Promise<Process> {
  await mkdir(dirname(logFile), { recursive: true });
  // The log of the run before tells why that one died.
  await rename(logFile, `${logFile}.1`).catch(() => undefined);
  // A file and not a pipe: a server that writes to a full pipe of a busy parent stands still.
  await using log = await open(logFile, 'w');
  // setpriv (util-linux) becomes the server, same pid, and has the kernel end it when this process is killed.
  // In a session of its own: Ctrl-C is for us to hand on, after the workers have drained.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', temporal, ...args], {
    env: {},
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const pid = await pidOf(child);
  return { pid, exited, stop: () => end(child, exited) };
}

function pidOf(child: ChildProcess): Promise<number> {
  return new Promise((started, failed) => {
    child.once('error', failed);
    child.once('spawn', () => (child.pid === undefined ? failed(new Error('no pid')) : started(child.pid)));
  });
}

async function untilUp({ pid, exited }: Process, wanted: DevServerConfig & { readonly address: string }): Promise<void> {
  const gone = new AbortController();
  const died = exited.then(() => {
    gone.abort();
    throw new Error('it ended by itself');
  });
  await Promise.race([died, untilServing(wanted, AbortSignal.any([gone.signal, AbortSignal.timeout(START_WITHIN_MS)]))]);
  // Somebody else may have taken the port since it was looked at, and would have answered.
  if (!(await pidsListeningOn(wanted.port)).includes(pid)) throw new Error(`port ${wanted.port} is served by another process`);
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await exited;
  clearTimeout(force);
}

function argumentsOf(config: DevServerConfig): string[] {
  const pairs = (flag: string, values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  const asJson = (values: DevServerConfig['dynamicConfig']) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
  return [
    ...['server', 'start-dev', '--log-level', config.logLevel, '--namespace', config.namespace],
    ...['--ip', config.ip, '--port', `${config.port}`, '--ui-ip', config.uiIp, '--ui-port', `${config.uiPort}`],
    ...(config.uiCodecEndpoint === null ? [] : ['--ui-codec-endpoint', config.uiCodecEndpoint]),
    ...(config.databaseFile === null ? [] : ['--db-filename', config.databaseFile]),
    ...pairs('--sqlite-pragma', config.sqlitePragmas),
    ...pairs('--search-attribute', config.searchAttributes),
    ...pairs('--dynamic-config-value', asJson(config.dynamicConfig)),
  ];
}

function dialable(ip: string): string {
  return ip === '0.0.0.0' ? '127.0.0.1' : ip;
}

function logFileOf(file: string): string {
  const { dir, name } = parse(file);
  return format({ dir, name, ext: '.log' });
}

async function tailOf(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
  return [`the end of ${logFile}:`, ...lines.slice(-LOG_TAIL_LINES)].join('\n');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string', default: 'temporal-dev.yaml' } } });
  const server = await startDevServer({ configFile: values.config });
  let asked = false;
  const stop = () => {
    asked = true;
    return server.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  console.log(`TEMPORAL_ADDRESS=${server.address}`);
  console.log(`Temporal (pid ${server.pid}) serves namespace ${server.namespace}, UI ${server.uiUrl}, log ${server.logFile}`);
  await server.exited;
  if (!asked) throw new Error(`the Temporal dev server ended by itself\n${await tailOf(server.logFile)}`);
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(reasonOf(error));
    process.exitCode = 1;
  });
}

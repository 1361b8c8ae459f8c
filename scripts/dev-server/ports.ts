import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/** Finds two TCP ports of `ip` that nobody listens on now: what a copy of a dev server's configuration needs of its own. */
export async function freeServerPorts(ip: string): Promise<{ readonly port: number; readonly uiPort: number }> {
  // Both are held at once: a port given back early may be handed out twice.
  const [server, ui] = await Promise.all([listen(ip, 0), listen(ip, 0)]);
  const ports = { port: portOf(server), uiPort: portOf(ui) };
  await Promise.all([close(server), close(ui)]);
  return ports;
}

/** Throws a sentence that names who has it when somebody listens on the port already. */
export async function requireFreePort({ ip, port, key }: { ip: string; port: number; key: string }): Promise<void> {
  try {
    await close(await listen(ip, port));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'EADDRNOTAVAIL') throw new Error(`${ip} is no address of this machine: change it beside "${key}"`, { cause: error });
    if (error.code === 'EACCES') throw new Error(`port ${port} is for root only: choose a "${key}" over 1023`, { cause: error });
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${port} is taken by ${await holderOf(port)}: end it, or change "${key}"`, { cause: error });
  }
}

async function holderOf(port: number): Promise<string> {
  const [pid] = await pidsListeningOn(port);
  if (pid === undefined) return 'a process of another user';
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name === '' ? `pid ${pid}` : `pid ${pid} (${name.trim()})`;
}

/** Finds the processes that listen on a TCP port of this network namespace, each at an address of its own; those of other users may be missing. */
export async function pidsListeningOn(port: number): Promise<readonly number[]> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')));
  const sockets = new Set(tables.flatMap((table) => listenersIn(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const holds = await Promise.all(pids.map((pid) => holdsOneOf(sockets, pid)));
  return pids.filter((_pid, index) => holds[index]).map(Number);
}

/** The inodes of the sockets that listen on `port`: columns 2 (address:port in hex), 4 (0A is LISTEN) and 10 of proc(5)'s table. */
function listenersIn(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local, , state, , , , , , inode]) => (local?.endsWith(suffix) && state === '0A' && inode !== undefined ? [inode] : []));
}

async function holdsOneOf(sockets: ReadonlySet<string>, pid: string): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.some((target) => sockets.has(target));
}

function listen(ip: string, port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: ip, port, exclusive: true }, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address and a port');
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}

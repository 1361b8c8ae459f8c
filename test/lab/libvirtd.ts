import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real libvirtd in namespaces of its own: processes, mounts and host name, and the network where asked for. */
export interface Libvirtd extends AsyncDisposable {
  readonly socket: string;
  /** Its TCP port on 127.0.0.1; out of reach when it has a network of its own. */
  readonly port: number;
  /** A directory for disks, seen by the daemon under the same path and gone with it. */
  readonly directory: string;
  /** Sends a signal to the daemon. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Ends the daemon by this signal, waits until it has gone, and starts it again; its guests go on. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Sends a signal to a guest's QEMU. */
  signalGuest(name: string, signal: 'STOP' | 'CONT' | 'KILL'): Promise<void>;
  /** Runs a command inside and gives what it prints. */
  inside(file: string, args: readonly string[]): Promise<string>;
}

/** Directories that each daemon has to itself, and the folder of its world they are bound from. */
const ownDirectories = {
  etc: '/etc/libvirt',
  run: '/run/libvirt',
  lib: '/var/lib/libvirt',
  log: '/var/log/libvirt',
  cache: '/var/cache/libvirt',
} as const;

/** Starts a libvirtd; disposing of it leaves no process, mount or file. */
export async function withLibvirtd({ ownNetwork = false }: { readonly ownNetwork?: boolean } = {}): Promise<Libvirtd> {
  const base = await mkdtemp('/run/novaflow-libvirtd-');
  const port = await freePort();
  await writeWorld(base, port);
  const keeper = await startNamespaces(base, ownNetwork);
  const enter = ['-t', `${await childOf(keeper)}`, '-m', '-u', '-p', ...(ownNetwork ? ['-n'] : []), '--'];
  const inside = async (file: string, args: readonly string[]) => (await run('nsenter', [...enter, file, ...args])).stdout;
  const dispose = async () => {
    const exited = once(keeper, 'exit');
    process.kill(await childOf(keeper), 'SIGKILL'); // The first process of a process namespace takes all others with it.
    await exited;
    await rm(base, { recursive: true });
  };

  const socket = join(base, 'run', 'libvirt-sock');
  const start = async () => {
    const log = await open(join(base, 'libvirtd.log'), 'a');
    const started = spawn('nsenter', [...enter, 'libvirtd', '-l', '-p', '/run/libvirt/libvirtd.pid'], {
      stdio: ['ignore', 'ignore', log.fd],
    });
    await log.close();
    await untilAnswers(socket, started);
    return started;
  };
  try {
    if (ownNetwork) await inside('ip', ['link', 'set', 'lo', 'up']);
    let daemon = await start();
    return {
      socket,
      port,
      directory: join(base, 'disks'),
      inside,
      signal: async (signal) => {
        process.kill(await childOf(daemon), signal);
        if (signal === 'SIGCONT') daemon.kill('SIGCONT'); // nsenter stops itself along with the process it waits for.
      },
      restart: async (signal) => {
        const exited = once(daemon, 'exit');
        process.kill(await childOf(daemon), signal);
        daemon.kill('SIGCONT'); // nsenter has stopped itself along with a daemon that was frozen.
        await exited;
        daemon = await start();
      },
      signalGuest: async (name, signal) => {
        const pid = await readFile(join(base, 'run', 'qemu', `${name}.pid`), 'utf8');
        await inside('kill', [`-${signal}`, pid.trim()]);
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    const log = await readFile(join(base, 'libvirtd.log'), 'utf8');
    await dispose();
    throw new Error(`libvirtd does not start:\n${log}`, { cause: error });
  }
}

async function writeWorld(base: string, port: number): Promise<void> {
  for (const directory of [...Object.keys(ownDirectories), 'disks']) await mkdir(join(base, directory), { recursive: true });
  const libvirtd = {
    host_uuid: randomUUID(),
    listen_tls: 0,
    min_workers: 20, // libvirt 9.0.0 starts with 5 and adds none in time: 8 calls held by a hung guest then hold all others for 30 s.
    listen_tcp: 1,
    listen_addr: '127.0.0.1',
    tcp_port: `${port}`,
    auth_tcp: 'none',
    auth_unix_rw: 'none',
    unix_sock_group: 'root',
  };
  const qemu = {
    security_driver: 'none',
    user: 'root',
    group: 'root',
    cgroup_controllers: [],
    namespaces: [],
    stdio_handler: 'file',
    remember_owner: 0,
  };
  await cp('/etc/libvirt/nwfilter', join(base, 'etc', 'nwfilter'), { recursive: true });
  await writeFile(join(base, 'etc', 'libvirtd.conf'), settings(libvirtd));
  await writeFile(join(base, 'etc', 'qemu.conf'), settings(qemu));
}

function settings(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join('');
}

/** The namespace begins as a copy of the machine's, and a copy of a lab's disk would keep it in use after its lab has gone. */
const dropForeignDisks = `{ awk '$2 ~ "^(/var/lib/novaflow-lab/|/tmp/novaflow-)" { print $2 }' /proc/self/mounts | xargs -r umount -l || true; }`;

/** Starts a process that holds the namespaces and reaps what libvirtd leaves to it. */
async function startNamespaces(base: string, ownNetwork: boolean): Promise<ChildProcess> {
  const binds = Object.entries(ownDirectories).map(([own, path]) => `mkdir -p ${path} && mount --bind ${base}/${own} ${path}`);
  const script = [`hostname ${base.split('-').at(-1)}`, dropForeignDisks, ...binds, 'echo ready', 'exec tini -s -- sleep infinity'].join(
    ' && ',
  );
  const flags = ['-m', '-u', '-p', ...(ownNetwork ? ['-n'] : []), '--fork', '--kill-child', '--mount-proc'];
  const keeper = spawn('unshare', [...flags, 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(keeper.stdout, 'data');
  return keeper;
}

async function childOf(parent: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

async function untilAnswers(socket: string, daemon: ChildProcess): Promise<void> {
  while (daemon.exitCode === null) {
    if (await accepts(socket)) return;
    await sleep(20);
  }
  throw new Error(`libvirtd ended with ${daemon.exitCode}`);
}

async function accepts(socket: string): Promise<boolean> {
  const client = connect(socket);
  try {
    await once(client, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { loopDevices } from './instances-disk.ts';
import { dataRoot, labVariable, stateRoot } from './names.ts';
import { allProcesses, isAlive, variableOf } from './proc.ts';
import { run } from './run.ts';

const links = z.array(z.object({ ifname: z.string(), addr_info: z.array(z.object({ local: z.string(), prefixlen: z.number() })) }));
const routes = z.array(z.object({ dst: z.string(), dev: z.string().optional() }));
const daemons = /^(libvirtd|virt[a-z]+d|qemu-.*|dnsmasq|sshd|rsync|tini|unshare|nsenter|swtpm)$/;

/** All of the machine that a lab might leave changed, one line a thing, sorted: equal before a lab comes up and after it went down. */
export async function listWorld(): Promise<readonly string[]> {
  const parts = await Promise.all([namespaces(), linksAndRoutes(), mounts(), loops(), processes(), firewall(), files()]);
  return parts.flat().sort();
}

async function namespaces(): Promise<string[]> {
  return (await readdir('/run/netns').catch(() => [])).map((name) => `network namespace ${name}`);
}

async function linksAndRoutes(): Promise<string[]> {
  const seenLinks = links.parse(JSON.parse(await run('ip', ['-j', 'address', 'show'])));
  const seenRoutes = routes.parse(JSON.parse(await run('ip', ['-j', 'route', 'show', 'table', 'all'])));
  return [
    ...seenLinks.map(({ ifname }) => `link ${ifname}`),
    ...seenLinks.flatMap(({ ifname, addr_info }) => addr_info.map(({ local, prefixlen }) => `address ${local}/${prefixlen} on ${ifname}`)),
    ...seenRoutes.map(({ dst, dev }) => `route ${dst} by ${dev ?? 'none'}`),
  ];
}

async function mounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).trim().split('\n');
  return lines.map((line) => `mount ${line.split(' ').slice(0, 3).join(' ')}`);
}

async function loops(): Promise<string[]> {
  return (await loopDevices()).map(({ device, file }) => `loop device ${device} of ${file}`);
}

async function processes(): Promise<string[]> {
  const seen = await Promise.all(allProcesses().map(async (process) => ({ ...process, name: await nameOf(process.pid) })));
  return seen
    .filter((process) => isAlive(process) && (daemons.test(process.name) || variableOf(process.pid, labVariable) !== null))
    .map(({ pid, startTicks, name }) => `process ${name} ${pid} started at ${startTicks}`);
}

async function nameOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
}

async function firewall(): Promise<string[]> {
  const rules = await run('nft', ['--stateless', 'list', 'ruleset']);
  return rules.split('\n').map((line) => `nft ${line}`);
}

async function files(): Promise<string[]> {
  const roots = [stateRoot, dataRoot, '/run/libvirt', '/run/libvirtd.pid', '/var/lib/nova', '/etc/pki'].filter((root) => existsSync(root));
  const below = await Promise.all(
    [stateRoot, dataRoot].map(async (root) => (await readdir(root, { recursive: true }).catch(() => [])).map((path) => join(root, path))),
  );
  return [...roots, ...below.flat()].map((path) => `file ${path}`);
}

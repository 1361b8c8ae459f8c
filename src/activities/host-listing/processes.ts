import { readdir, readFile, readlink } from 'node:fs/promises';
import { fileSystems } from '../../model/file-systems.ts';
import type { HostListing } from '../../model/verify/listing.ts';
import { concurrently } from '../concurrently.ts';

/** The commands that steps run on files of instances and images. */
const tools: ReadonlySet<string> = new Set([
  'qemu-img',
  'qemu-nbd',
  'genisoimage',
  'flock',
  'rsync',
  'cp',
  'tar',
  'mkswap',
  ...fileSystems.map((type) => `mkfs.${type}`),
]);

/** As QEMU is told the name of a domain of ours: `-name guest=novaflow-<id>,debug-threads=on`. */
const guestName = /^guest=novaflow-([0-9a-f-]{36})(,|$)/;

const processesAtOnce = 32;

/** QEMU processes that run one of our domains, whether libvirt knows of them or not. */
export async function listGuests(): Promise<HostListing['guests']> {
  const found = await ofAllProcesses(async (pid) => {
    const args = (await read(`/proc/${pid}/cmdline`)).split('\0');
    const instanceId = args[0]?.includes('qemu') ? guestName.exec(args[args.indexOf('-name') + 1] ?? '')?.[1] : undefined;
    return instanceId === undefined ? null : { pid, instanceId };
  });
  return found.sort((one, other) => one.pid - other.pid);
}

/** Commands of ours with files below `directories` open; one that has none is somebody else's. */
export async function listTools(directories: readonly string[]): Promise<HostListing['tools']> {
  const found = await ofAllProcesses(async (pid) => {
    const name = (await read(`/proc/${pid}/comm`)).trim();
    if (!tools.has(name)) return null;
    const files = (await openFilesOf(pid)).filter((file) => directories.some((directory) => file.startsWith(`${directory}/`)));
    return files.length === 0 ? null : { pid, name, files: [...new Set(files)].sort() };
  });
  return found.sort((one, other) => one.pid - other.pid);
}

async function ofAllProcesses<Found>(look: (pid: number) => Promise<Found | null>): Promise<Found[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return (await concurrently(pids, processesAtOnce, look)).filter((found) => found !== null);
}

async function openFilesOf(pid: number): Promise<readonly string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return Promise.all(descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')));
}

/** Empty for a process that has ended. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

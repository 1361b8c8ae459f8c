import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { parseArgs, promisify } from 'node:util';
import { connectLibvirt } from '../src/libvirt/index.ts';

// The floor is frozen: it is what all figures are held against, so it changes with none of them.

/** A guest to be: everything decided, nothing made. Paths are those of the host. */
export interface FloorPlan {
  readonly id: string;
  readonly directory: string;
  /** Arguments of `qemu-img` that make the root disk. */
  readonly overlay: readonly string[];
  /** Ephemeral disks and swap: empty files, and the commands that format them. */
  readonly blanks: readonly { readonly path: string; readonly sizeBytes: number; readonly format: readonly [string, ...string[]] }[];
  /** Kernel and initial RAM disk. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
  readonly configDrive: {
    readonly path: string;
    readonly files: readonly { readonly path: string; readonly content: string | Uint8Array }[];
  };
  readonly xml: string;
}

/** What the parts of a build or a delete took, in milliseconds, by name. */
export type FloorParts = Readonly<Record<string, number>>;

const execute = promisify(execFile);

/**
 * Runs inside a host, where a compute worker runs, and does what it is asked at `socket`: the commands and libvirt calls that a
 * guest cannot do without, one attempt each, nothing synced, nothing looked at, nothing remembered. `POST /build` takes a
 * `FloorPlan`, `POST /delete` one too; both answer `FloorParts` once it is done.
 */
function serve(socket: string): void {
  const libvirt = connectLibvirt({ socket: '/run/libvirt/libvirt-sock' });
  const works: Readonly<Record<string, (plan: FloorPlan) => Promise<FloorParts>>> = { '/build': build, '/delete': remove };

  const answer = async (request: IncomingMessage) => works[request.url ?? '']?.((await json(request)) as FloorPlan);
  createServer((request, response) => {
    answer(request).then(
      (parts) => response.end(JSON.stringify(parts)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(socket);

  async function build({ id, directory, overlay, blanks, copies, configDrive, xml }: FloorPlan): Promise<FloorParts> {
    const lap = stopwatch();
    await mkdir(directory);
    await Promise.all([
      execute('qemu-img', [...overlay]),
      ...blanks.map(makeBlank),
      makeConfigDrive(directory, configDrive),
      ...copies.map(({ from, to }) => copyFile(from, to)),
    ]);
    const disks = lap();
    await libvirt.domainDefineXmlFlags({ xml, flags: 0 });
    const define = lap();
    await libvirt.domainCreateWithFlags({ dom: { uuid: id }, flags: 0 });
    return { disks, define, start: lap() };
  }

  async function remove({ id, directory }: FloorPlan): Promise<FloorParts> {
    const lap = stopwatch();
    await libvirt.domainDestroyFlags({ dom: { uuid: id }, flags: 0 });
    const destroy = lap();
    await libvirt.domainUndefineFlags({ dom: { uuid: id }, flags: 0 });
    const undefine = lap();
    await rm(directory, { recursive: true });
    return { destroy, undefine, files: lap() };
  }
}

async function makeBlank({ path, sizeBytes, format: [command, ...args] }: FloorPlan['blanks'][number]): Promise<void> {
  await writeFile(path, '', { mode: 0o600 });
  await truncate(path, sizeBytes);
  await execute(command, [...args, path]);
}

async function makeConfigDrive(directory: string, { path, files }: FloorPlan['configDrive']): Promise<void> {
  const tree = await mkdtemp(join(directory, 'config-drive-'));
  for (const { path: name, content } of files) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), content);
  }
  await execute('genisoimage', ['-quiet', '-o', path, '-V', 'cidata', '-J', '-r', tree]);
  await rm(tree, { recursive: true });
}

/** Returns the milliseconds since it was made or called last. */
export function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const before = last;
    last = performance.now();
    return last - before;
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { socket: { type: 'string' } } });
  if (values.socket === undefined) throw new Error('usage: node bench/floor.ts --socket PATH');
  serve(values.socket);
}

import type { QemuFormat } from './img.ts';

/** A disk that another host serves. */
export interface ServedDisk {
  readonly address: string;
  readonly port: number;
  readonly exportName: string;
  /** How its host compares it with its source, when it is raw; absent from one that knows sha256 alone. */
  readonly comparesBy?: 'gmac' | 'sha256';
}

/** A disk of this host, by its path; a block device has the format raw. */
export interface OwnDisk {
  readonly path: string;
  readonly format: QemuFormat;
  readonly isDevice: boolean;
}

/**
 * The arguments of a qemu-nbd that serves one disk, for writing, to one client at a time: the one whose certificate is that of
 * `client`. It goes on in the background once it listens; until it is ended, whoever comes and goes.
 */
export function serveArgs({
  pidFile,
  pkiDirectory,
  client,
  disk,
  isCached,
  at: { address, port, exportName },
}: {
  readonly pidFile: string;
  /** Where its certificate and key are. */
  readonly pkiDirectory: string;
  readonly client: string;
  readonly disk: OwnDisk;
  /** Whether it is written through the host's page cache, as a raw disk has to be whose size is not a whole number of pages. */
  readonly isCached: boolean;
  readonly at: ServedDisk;
}): readonly string[] {
  return [
    ...['--fork', pidFileArg(pidFile), '--persistent', '--shared=1'],
    ...[`--bind=${address}`, `--port=${port}`, `--export-name=${exportName}`],
    ...['--object', `tls-creds-x509,id=tls,dir=${value(pkiDirectory)},endpoint=server,verify-peer=on`, '--tls-creds=tls'],
    ...['--object', `authz-simple,id=peer,identity=CN=${value(client)}`, '--tls-authz=peer'],
    // Several requests are written at once: in the cache each waits, on a processor, for the lock of the file.
    ...(isCached ? ['--cache=writeback'] : ['--cache=none', '--aio=native']),
    ...[`--format=${disk.format}`, '--discard=unmap', '--', disk.path],
  ];
}

/** The argument by which a server is known: no process but ours has it. */
export function pidFileArg(pidFile: string): string {
  return `--pid-file=${pidFile}`;
}

/** As many as qemu-img makes: its server's small answers are held back by TCP (Nagle's algorithm) until something goes the other way. */
const requestsAtOnce = 16;

/** The arguments that write all of a disk into one that another host serves. What is a hole there already (`isEmpty`) is not written again. */
export function sendArgs(way: Way & { readonly isEmpty: boolean }): readonly string[] {
  const zeros = way.isEmpty ? ['--target-is-zero'] : [];
  const how = ['-p', '-n', '-W', '-m', `${requestsAtOnce}`, ...zeros, '-T', 'writeback'];
  return ['convert', ...how, ...credentials(way), '--image-opts', '--target-image-opts', ...optionsOf(way)];
}

/** The arguments that compare a disk with one that another host serves: exit code 1 when they differ. */
export function compareArgs(way: Way): readonly string[] {
  return ['compare', '-p', ...credentials(way), '--image-opts', ...optionsOf(way)];
}

/** The arguments that greet a server: whoever has its one place, or has another certificate, is told by it. */
export function greetArgs({ pkiDirectory, to }: Omit<Way, 'from'>): readonly string[] {
  return ['info', ...credentials({ pkiDirectory }), '--image-opts', served(to)];
}

interface Way {
  readonly pkiDirectory: string;
  readonly from: OwnDisk;
  readonly to: ServedDisk;
}

function credentials({ pkiDirectory }: Pick<Way, 'pkiDirectory'>): readonly string[] {
  return ['--object', `tls-creds-x509,id=tls,dir=${value(pkiDirectory)},endpoint=client,verify-peer=on`];
}

function optionsOf({ from: { path, format, isDevice }, to }: Way): readonly [string, string] {
  return [`driver=${format},file.driver=${isDevice ? 'host_device' : 'file'},file.filename=${value(path)}`, served(to)];
}

function served({ address, port, exportName }: ServedDisk): string {
  return `driver=nbd,server.type=inet,server.host=${value(address)},server.port=${port},export=${value(exportName)},tls-creds=tls`;
}

/** As a value stands in a list of options. */
function value(text: string): string {
  return text.replaceAll(',', ',,');
}

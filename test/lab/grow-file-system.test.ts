import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../lab/wait.ts';
import type { Base } from '../../src/activities/base-cache.ts';
import { confinedDisk, confinedUser, runConfined } from '../../src/activities/confined.ts';
import { copyOverlay, type GrownOverlay, grownOverlay } from '../../src/activities/disks/grown-overlay.ts';
import { CommandFailed } from '../../src/activities/failures.ts';
import { growFileSystem } from '../../src/activities/grow-file-system.ts';

const run = promisify(execFile);
const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const limits = { cpuSeconds: 10, wallSeconds: 20, addressSpaceBytes: GiB };

let directory: string;
let disk: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'novaflow-grow-'));
  disk = join(directory, 'disk');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a confined command', () => {
  test('is nobody, without capabilities, network, other processes, devices, or files but its own and the programs', async () => {
    await writeFile(disk, 'content\n');
    const probe = [
      'id',
      'grep -E "^(CapEff|CapPrm|CapBnd|CapInh|CapAmb|NoNewPrivs)" /proc/self/status',
      'grep : /proc/net/dev | cut -d : -f 1',
      'echo $$',
      'echo /* /dev/*',
      `cat ${confinedDisk}`,
      'touch /usr/x /x /dev/x 2>&1 | grep -c Read-only',
      'ulimit -t; ulimit -v; ulimit -f',
    ];
    const { stdout } = await runConfined({
      file: 'sh',
      args: ['-c', probe.join('\n')],
      disk,
      limits: { ...limits, fileBytes: 512 * 1024 },
    });
    expect(stdout.split('\n').map((line) => line.trim().replace('\t', ' '))).toStrictEqual([
      'uid=65534 gid=65534 groups=65534',
      'CapInh: 0000000000000000',
      'CapPrm: 0000000000000000',
      'CapEff: 0000000000000000',
      'CapBnd: 0000000000000000',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 1',
      'lo',
      '1',
      expect.stringMatching(/^\/bin \/dev \/disk( \/lib\w*)+ \/proc \/sbin \/usr \/dev\/null$/),
      'content',
      '3',
      '10',
      `${GiB / 1024}`,
      '1024',
    ]);
  });

  test('may not write more than its disk is large', async () => {
    await writeFile(disk, '');
    await chown(disk, confinedUser, confinedUser);
    const writing = runConfined({
      file: 'truncate',
      args: ['-s', '1025', confinedDisk],
      disk,
      limits: { ...limits, fileBytes: 1024 },
    });
    await expect(writing).rejects.toBeInstanceOf(CommandFailed);
    expect((await stat(disk)).size).toBe(0);
  });

  test('that hangs is ended with all that it started', async () => {
    await writeFile(disk, '');
    const hanging = runConfined({
      file: 'sh',
      args: ['-c', `sleep 4242.5 & tail -f ${confinedDisk}`],
      disk,
      limits: { ...limits, wallSeconds: 1, fileBytes: 0 },
    });
    await expect(hanging).rejects.toMatchObject({ reached: 'wallSeconds' });
    expect(await processesStartedAs('sleep', '4242.5')).toStrictEqual([]);
  });
});

describe('a file system grows to its disk', () => {
  test.for([['ext2'], ['ext3'], ['ext4'], ['ext4', '-b', '4096'], ['ext4', '-O', '^resize_inode,^64bit']])('%o', async (args) => {
    await makeFileSystem(args);
    await truncate(disk, 256 * MiB);
    expect(await growFileSystem(disk, 256 * MiB)).toStrictEqual({ kind: 'grown' });
    expect(await fileSystemBytes(disk)).toBe(256 * MiB);
    expect(await contentIn(disk)).toBe('kept');
    const { uid, mode } = await stat(disk);
    expect([uid, mode & 0o777]).toStrictEqual([0, 0o644]);
    expect(await growFileSystem(disk, 256 * MiB)).toStrictEqual({ kind: 'none' });
  });
});

describe('a growth is given up', () => {
  test('when its check takes longer than it may', async () => {
    await makeFileSystem(['ext4']);
    await truncate(disk, 256 * MiB);
    expect(await growFileSystem(disk, 256 * MiB, { ...limits, wallSeconds: 0.001 })).toStrictEqual({
      kind: 'given up',
      why: 'e2fsck took more time than it may',
    });
  });

  test('when e2fsck finds what it does not mend by itself', async () => {
    await makeFileSystem(['ext4']);
    await overwrite(4096, Buffer.alloc(64 * 1024, 0xa5)); // the descriptors of its groups, and what follows
    await truncate(disk, 256 * MiB);
    expect(await growFileSystem(disk, 256 * MiB)).toMatchObject({ kind: 'given up', why: expect.stringMatching(/^e2fsck ended with 4: /) });
  });

  test('when its program is killed in the middle', async () => {
    await makeFileSystem(['ext4']);
    await truncate(disk, 100 * GiB);
    const growing = growFileSystem(disk, 100 * GiB);
    const pid = await until(async () => (await processesStartedAs('resize2fs'))[0] ?? null, { what: 'resize2fs', timeoutMs: 20_000 });
    process.kill(pid, 'SIGKILL');
    expect(await growing).toMatchObject({ kind: 'given up', why: expect.stringContaining('resize2fs') });
  });
});

test('whatever a superblock says, its growth ends, and ends within its limits', async () => {
  await makeFileSystem(['ext4']);
  const start = (await readFile(disk)).subarray(0, 64 * 1024);
  const kinds = new Set<string>();
  for (const seed of Array(process.env['NOVAFLOW_TEST_ALL'] === '1' ? 300 : 12).keys()) {
    await overwrite(0, mangled(start, seed));
    await truncate(disk, 256 * MiB);
    kinds.add((await growFileSystem(disk, 256 * MiB, limits)).kind);
  }
  expect([...kinds].sort()).toEqual(expect.arrayContaining(['given up']));
}, 600_000);

describe('the overlay that disks are copied from', () => {
  const baseOf = (path: string): Base => ({ path, format: 'raw', checksum: 'sha256:0' });

  test('has the grown file system, stands on the image as it was, and is made once', async () => {
    await makeFileSystem(['ext4']);
    const before = await readFile(disk);
    expect(await grownOverlay(baseOf(disk), GiB, 'quick')).toBe('later');
    const [one, other] = await Promise.all([grownOverlay(baseOf(disk), GiB, 'long'), grownOverlay(baseOf(disk), GiB, 'long')]);
    expect(one).toStrictEqual({ path: `${disk}.grown/${GiB}`, warning: null });
    expect(other).toStrictEqual(one);
    expect(await grownOverlay(baseOf(disk), GiB, 'quick')).toStrictEqual(one);

    const own = join(directory, 'own');
    await copyOverlay(one as GrownOverlay, own);
    const { 'full-backing-filename': backing, 'actual-size': bytes } = JSON.parse(
      (await run('qemu-img', ['info', '--output=json', '-f', 'qcow2', own])).stdout,
    );
    expect(backing).toBe(disk);
    expect(bytes).toBeLessThan(8 * MiB);
    const raw = join(directory, 'raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', own, raw]);
    expect(await fileSystemBytes(raw)).toBe(GiB);
    expect(await contentIn(raw)).toBe('kept');
    expect((await readFile(disk)).equals(before)).toBe(true);
    expect(await readdir(`${disk}.grown`)).toStrictEqual([`${GiB}`, `${GiB}.lock`]);
  });

  test('is an empty one with a warning when the growth is given up', async () => {
    await makeFileSystem(['ext4']);
    await overwrite(4096, Buffer.alloc(64 * 1024, 0xa5));
    const overlay = await grownOverlay(baseOf(disk), 128 * MiB, 'long');
    expect(overlay).toMatchObject({ warning: expect.stringMatching(/^the file system of the image was not grown: e2fsck ended with 4: /) });
    const raw = join(directory, 'raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', (overlay as GrownOverlay).path, raw]);
    expect((await readFile(raw)).subarray(0, 64 * MiB).equals(await readFile(disk))).toBe(true);
  });

  test('is none where the image holds no file system from its first byte', async () => {
    await writeFile(disk, Buffer.alloc(MiB, 'x'));
    expect(await grownOverlay(baseOf(disk), GiB, 'long')).toBeNull();
  });
});

/** Makes a file system of 64 MiB with a file in it. */
async function makeFileSystem([type = 'ext4', ...args]: readonly string[]): Promise<void> {
  const tree = join(directory, 'tree');
  await mkdir(tree, { recursive: true });
  await writeFile(join(tree, 'file'), 'kept');
  await rm(disk, { force: true });
  await run('mke2fs', ['-q', '-F', '-t', type, ...args, '-d', tree, disk, '64M']);
}

async function fileSystemBytes(path: string): Promise<number> {
  await run('e2fsck', ['-fn', path]);
  const { stdout } = await run('dumpe2fs', ['-h', path]);
  const number = (name: string) => Number(new RegExp(`^${name}: +(\\d+)$`, 'm').exec(stdout)?.[1]);
  return number('Block count') * number('Block size');
}

async function contentIn(path: string): Promise<string> {
  return (await run('debugfs', ['-R', 'cat /file', path])).stdout;
}

async function overwrite(position: number, bytes: Buffer): Promise<void> {
  const file = await open(disk, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, position);
  } finally {
    await file.close();
  }
}

/** A beginning whose superblock passes for one, with some of what follows its first fields made noise. */
function mangled(start: Buffer, seed: number): Buffer {
  const bytes = Buffer.from(start);
  let state = seed + 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let count = next(24) + 1; count > 0; count -= 1) bytes[1024 + 0x58 + next(0x3a8)] = next(256);
  for (let count = next(64); count > 0; count -= 1) bytes[2048 + next(62 * 1024)] = next(256);
  return bytes;
}

/** Processes of the machine that were started by these arguments, and perhaps more. */
async function processesStartedAs(...words: readonly string[]): Promise<readonly number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = names.map(async (name) => {
    const args = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return words.every((word, index) => args[index] === word) ? [Number(name)] : [];
  });
  return (await Promise.all(found)).flat();
}

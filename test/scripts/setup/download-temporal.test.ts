import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { downloadTemporal } from '../../../scripts/setup/download-temporal.ts';

const version = '9.9.9';
const name = `temporal_cli_${version}_linux_${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The archive of a release whose command is the given shell script. */
async function archiveOf(script: string): Promise<Buffer> {
  const source = await mkdtemp(join(tmpdir(), 'novaflow-test-'));
  await writeFile(join(source, 'temporal'), script, { mode: 0o755 });
  const archive = execFileSync('tar', ['-cz', 'temporal'], { cwd: source });
  await rm(source, { recursive: true });
  return archive;
}

/** A site with the files of one release. */
async function site(files: Readonly<Record<string, Buffer | string>>): Promise<{ releases: string } & AsyncDisposable> {
  const server = createServer(({ url = '' }, response) => {
    const content = files[url.replace(`/v${version}/`, '')];
    response.writeHead(content === undefined ? 404 : 200, { connection: 'close' }).end(content);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return { releases: `http://127.0.0.1:${address.port}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function checksumsOf(archive: Buffer): string {
  return `${'0'.repeat(64)}  another.tar.gz\n${createHash('sha256').update(archive).digest('hex')}  ${name}\n`;
}

describe('the download of Temporal', () => {
  test('leaves the command of the release in the directory, and nothing else', async () => {
    const archive = await archiveOf('#!/bin/sh\nexit 0\n');
    await using server = await site({ [name]: archive, 'checksums.txt': checksumsOf(archive) });
    await downloadTemporal({ version, directory, releases: server.releases });
    expect(await readdir(directory)).toEqual(['temporal']);
    expect(await readFile(join(directory, 'temporal'), 'utf8')).toBe('#!/bin/sh\nexit 0\n');
  });

  test('refuses an archive that is not the one of the checksums, and leaves nothing', async () => {
    const archive = await archiveOf('#!/bin/sh\nexit 0\n');
    const other = await archiveOf('#!/bin/sh\nexit 1\n');
    await using server = await site({ [name]: other, 'checksums.txt': checksumsOf(archive) });
    await expect(downloadTemporal({ version, directory, releases: server.releases })).rejects.toThrow(
      /has the checksum .* and checksums.txt says/,
    );
    expect(await readdir(directory)).toEqual([]);
  });

  test('refuses a command that does not run here, and leaves nothing', async () => {
    const archive = await archiveOf('#!/bin/sh\nexit 1\n');
    await using server = await site({ [name]: archive, 'checksums.txt': checksumsOf(archive) });
    await expect(downloadTemporal({ version, directory, releases: server.releases })).rejects.toThrow('Command failed');
    expect(await readdir(directory)).toEqual([]);
  });

  test('says which address answered with what', async () => {
    await using server = await site({});
    await expect(downloadTemporal({ version, directory, releases: server.releases })).rejects.toThrow('checksums.txt answered 404');
  });
});

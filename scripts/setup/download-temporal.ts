import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { arch } from 'node:process';

const RELEASES = 'https://github.com/temporalio/cli/releases/download';
const CHECKSUMS_WITHIN_MS = 5_000;
const ARCHIVE_WITHIN_MS = 300_000;

/**
 * Puts the `temporal` command of an official release into `directory`, whole or not at all. Throws when the release cannot
 * be reached or its archive is not what the release's `checksums.txt` says. `releases` is another place with the same files.
 */
export async function downloadTemporal(release: { version: string; directory: string; releases?: string }): Promise<void> {
  const base = `${release.releases ?? RELEASES}/v${release.version}`;
  const name = `temporal_cli_${release.version}_linux_${arch === 'x64' ? 'amd64' : arch}.tar.gz`;
  // Small and first: whether the site can be reached at all is known in seconds.
  const checksums = (await get(`${base}/checksums.txt`, CHECKSUMS_WITHIN_MS)).toString();
  const wanted = checksums
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, file]) => file === name)?.[0];
  if (wanted === undefined) throw new Error(`${base}/checksums.txt says nothing about ${name}`);
  const archive = await get(`${base}/${name}`, ARCHIVE_WITHIN_MS);
  const found = createHash('sha256').update(archive).digest('hex');
  if (found !== wanted) throw new Error(`${name} has the checksum ${found}, and checksums.txt says ${wanted}`);
  await unpack(archive, release.directory);
}

async function get(url: string, withinMs: number): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function unpack(archive: Buffer, directory: string): Promise<void> {
  const partial = await mkdtemp(join(directory, 'partial-'));
  try {
    await writeFile(join(partial, 'archive.tar.gz'), archive);
    execFileSync('tar', ['-xzf', 'archive.tar.gz', '--no-same-owner', 'temporal'], { cwd: partial });
    execFileSync(join(partial, 'temporal'), ['--version']);
    await rename(join(partial, 'temporal'), join(directory, 'temporal'));
  } finally {
    await rm(partial, { recursive: true });
  }
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says "fetch failed" and keeps the reason below.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

if (import.meta.main) {
  const [version, directory] = process.argv.slice(2);
  if (version === undefined || directory === undefined) throw new Error('usage: download-temporal.ts VERSION DIRECTORY');
  await downloadTemporal({ version, directory }).catch((error: unknown) => {
    console.error(sentenceOf(error));
    process.exitCode = 1;
  });
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isThere } from './activities/is-there.ts';
import { cacheDirectory } from './cache-directory.ts';

const sources = import.meta.dirname;
const lockFile = join(dirname(sources), 'package-lock.json');

/**
 * The workflows' code as one file, made once for these sources and kept in the user's cache: a control worker starts in a
 * second instead of ten. It is made in a child process, because the bundler would keep 100 MB of this one.
 */
export async function workflowBundle(): Promise<string> {
  const path = join(cacheDirectory(), 'bundles', `${await digestOfSources()}.js`);
  if (await isThere(path)) return path;
  await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), path], { maxBuffer: 64 * 1024 ** 2 });
  return path;
}

async function build(path: string): Promise<void> {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(sources, 'workflows', 'index.ts'),
    workflowInterceptorModules: [join(sources, 'workflows', 'interceptors.ts')],
    payloadConverterPath: join(sources, 'payload-converter.ts'),
  });
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, code);
  await rename(partial, path);
}

/** Of all that can end up in the bundle: our sources and the versions of what they import. */
async function digestOfSources(): Promise<string> {
  const files = (await readdir(sources, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const hash = createHash('sha256');
  for (const name of [...files.map((file) => join(sources, file)), lockFile]) {
    hash.update(`${name.slice(sources.length)}\0`).update(await readFile(name).catch(() => ''));
  }
  return hash.digest('hex').slice(0, 32);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] !== undefined) await build(process.argv[2]);

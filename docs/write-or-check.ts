import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';

/** A directory that holds these files. */
export interface Generated {
  readonly directory: URL;
  readonly files: ReadonlyMap<string, string>;
  /** Other files in the directory are not ours; else they are stale. */
  readonly isShared?: boolean;
}

/** The names of the files that are not as they would be written now: changed, missing, or left over. */
export async function staleFiles({ directory, files, isShared = false }: Generated): Promise<string[]> {
  const present = await readdir(directory).catch(() => []);
  const leftOver = isShared ? [] : present.filter((name) => !files.has(name));
  const changed = await Promise.all(
    [...files].map(async ([name, text]) => ((await read(new URL(name, directory))) === text ? [] : [name])),
  );
  return [...changed.flat(), ...leftOver].toSorted();
}

/** Writes the files, or with the argument `--check` only says which are stale, and the process fails. */
export async function writeOrCheck(generated: Generated): Promise<void> {
  const stale = await staleFiles(generated);
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`${name} is stale: run node ${process.argv[1]}`);
    process.exitCode = stale.length > 0 ? 1 : 0;
    return;
  }
  await mkdir(generated.directory, { recursive: true });
  for (const name of stale) {
    const text = generated.files.get(name);
    const target = new URL(name, generated.directory);
    await (text === undefined ? rm(target) : writeFile(target, text));
    console.log(`${text === undefined ? 'removed' : 'wrote'} ${name}`);
  }
}

async function read(file: URL): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Puts a program where a guest finds it. */
export async function installProgram(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o755);
}

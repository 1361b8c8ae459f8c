import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import { busybox } from './built-once.ts';
import { installProgram } from './install-program.ts';
import { copyModules } from './modules.ts';

/** What an initial RAM disk is made of. */
export interface InitrdParts {
  /** The script that the kernel starts. */
  readonly init: string;
  readonly modulesDir: string;
  /** Modules that it finds below `/modules`, with those that they need. */
  readonly modules: readonly string[];
}

/** Builds an initial RAM disk of busybox, a script and modules in the new directory `dir`, and writes it to `initrd`. */
export async function buildInitrd(dir: string, { init, modulesDir, modules }: InitrdParts, initrd: string): Promise<void> {
  for (const name of ['bin', 'modules']) await mkdir(join(dir, name), { recursive: true });
  await installProgram(init, join(dir, 'init'));
  await installProgram(busybox, join(dir, 'bin/busybox'));
  await run('ln', ['-s', 'busybox', join(dir, 'bin/sh')]);
  await copyModules(modulesDir, modules, join(dir, 'modules'));
  // Not compressed: unpacking it would take an emulated processor longer than reading it.
  await run('sh', ['-c', 'find . | cpio --quiet -o -H newc -R 0:0 >"$0"', initrd], { cwd: dir });
}

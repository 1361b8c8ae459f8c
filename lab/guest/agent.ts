import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../run.ts';
import { installProgram } from './install-program.ts';
import { downloadPackages, unpackPackages } from './packages.ts';

/** Downloads the package of QEMU's guest agent into `dir`, unless it is there from another time. */
export async function downloadAgent(dir: string, onProgress: (line: string) => void): Promise<void> {
  await downloadPackages(dir, async () => {
    onProgress("downloading the guest's agent");
    return ['qemu-guest-agent'];
  });
}

/**
 * Installs the agent below `root` with what it calls: programs for passwords, the clock and a shutdown, and a hook that says when file
 * systems are frozen. Its libraries are the machine's, which QEMU there needs too.
 */
export async function installAgent(packages: string, root: string): Promise<void> {
  const unpacked = await mkdtemp(join(tmpdir(), 'guest-agent-'));
  try {
    await unpackPackages(packages, unpacked);
    const agent = join(unpacked, 'usr/sbin/qemu-ga');
    await installProgram(agent, join(root, 'bin/qemu-ga'));
    for (const library of await librariesOf(agent)) await installProgram(library, join(root, library));
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  const scripts = { 'agent.sh': 'sbin/agent', 'chpasswd.sh': 'bin/chpasswd', 'fsfreeze-hook.sh': 'etc/fsfreeze-hook' };
  for (const [script, place] of Object.entries(scripts)) await installProgram(join(import.meta.dirname, script), join(root, place));
  await run('ln', ['-s', '../bin/busybox', join(root, 'sbin/hwclock')]);
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  await writeFile(join(root, 'etc/shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o600 });
}

/** Paths of a program's libraries and of its loader. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const lines = (await run('ldd', [program])).split('\n');
  if (lines.some((line) => line.includes('not found'))) throw new Error(`the guest's agent lacks libraries:\n${lines.join('\n')}`);
  return lines.flatMap((line) => line.match(/(\/\S+) \(0x/)?.slice(1) ?? []);
}

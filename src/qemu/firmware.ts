import { readdir, readFile } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { z } from 'zod';

/** UEFI as two flash devices: the code, and what a guest's own variables are copied from. */
export interface UefiFiles {
  readonly codePath: string;
  readonly templatePath: string;
}

/** Where QEMU's firmware descriptors are; one of an earlier directory hides those of its name in the later ones. */
const directories = ['/etc/qemu/firmware', '/usr/share/qemu/firmware'] as const;

const file = z.object({ filename: z.string().startsWith('/'), format: z.literal('raw') });
const descriptor = z.object({
  'interface-types': z.array(z.string()),
  mapping: z.object({ device: z.literal('flash'), executable: file, 'nvram-template': file }),
  targets: z.array(z.object({ architecture: z.string(), machines: z.array(z.string()) })),
  features: z.array(z.string()),
});

/** Features of firmware that wants more of a machine than it gets, or boots only what is signed. */
const unwanted: ReadonlySet<string> = new Set(['requires-smm', 'secure-boot', 'enrolled-keys', 'amd-sev-es', 'intel-tdx']);

/**
 * The UEFI firmware that this host's packages recommend for a machine, by QEMU's descriptors (`docs/interop/firmware.json`), which
 * libvirt reads too: the first in the order of names that has no Secure Boot. Null when there is none.
 */
export async function uefiFor(machineType: string, from: readonly string[] = directories): Promise<UefiFiles | null> {
  const paths = new Map<string, string>();
  for (const directory of from.toReversed()) {
    for (const name of await namesIn(directory)) paths.set(name, join(directory, name));
  }
  for (const name of [...paths.keys()].sort()) {
    const found = filesIn(await readFile(paths.get(name) ?? '', 'utf8'), machineType);
    if (found !== null) return found;
  }
  return null;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name.endsWith('.json'));
}

/** A descriptor may be empty, which hides another of its name, or describe firmware of a kind that is not known here. */
function filesIn(json: string, machineType: string): UefiFiles | null {
  if (json.trim() === '') return null;
  const parsed = descriptor.safeParse(JSON.parse(json));
  if (!parsed.success) return null;
  const { 'interface-types': interfaces, mapping, targets, features } = parsed.data;
  const fits = targets.some(
    ({ architecture, machines }) => architecture === 'x86_64' && machines.some((machine) => matchesGlob(machineType, machine)),
  );
  if (!fits || !interfaces.includes('uefi') || features.some((feature) => unwanted.has(feature))) return null;
  return { codePath: mapping.executable.filename, templatePath: mapping['nvram-template'].filename };
}

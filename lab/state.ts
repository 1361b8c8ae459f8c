import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { stateDirOf, stateRoot } from './names.ts';

const hostState = z.strictObject({ name: z.string(), address: z.string(), uuid: z.string(), qemuUser: z.enum(['root', 'libvirt-qemu']) });

const labState = z.strictObject({
  name: z.string(),
  phase: z.enum(['making', 'up']),
  maker: z.strictObject({ pid: z.number(), startTicks: z.number() }),
  managementCidr: z.string(),
  gateway: z.string(),
  providerCidr: z.string(),
  providerGateway: z.string(),
  shared: z.boolean(),
  instancesSizeMiB: z.number().nullable(),
  hosts: z.array(hostState),
});

/** What is written about a lab before any of it is made. */
export type LabState = z.infer<typeof labState>;

/** What is written about one host. */
export type HostState = z.infer<typeof hostState>;

/** The state of a lab; null when there is no such lab, or when its maker died before it had written anything. */
export async function readState(lab: string): Promise<LabState | null> {
  try {
    return labState.parse(JSON.parse(await readFile(stateFile(lab), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes the state of a lab as one whole. */
export async function writeState(state: LabState): Promise<void> {
  await mkdir(stateDirOf(state.name), { recursive: true });
  const partial = `${stateFile(state.name)}.partial`;
  await writeFile(partial, `${JSON.stringify(state, null, 2)}\n`);
  await rename(partial, stateFile(state.name));
}

/** The names of all labs of this machine, half-made ones included. */
export async function labNames(): Promise<string[]> {
  return (await readdir(stateRoot).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
}

function stateFile(lab: string): string {
  return join(stateDirOf(lab), 'lab.json');
}

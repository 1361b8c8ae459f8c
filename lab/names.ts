import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where labs keep their small state: `<stateRoot>/<lab>/`. */
export const stateRoot = '/run/novaflow-lab';

/** Where labs keep what their hosts write, disks above all: `<dataRoot>/<lab>/`. */
export const dataRoot = '/var/lib/novaflow-lab';

/** Every process that a lab starts carries this variable with the lab's name, so that it is found even if its maker died before noting it. */
export const labVariable = 'NOVAFLOW_LAB';

/** Raises an error in a sentence unless `name` can name a lab: its links, namespaces and directories are named after it. */
export function checkLabName(name: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,29}$/.test(name)) {
    throw new Error(`"${name}" cannot name a lab: use up to 30 lower-case letters, digits and dashes, beginning with a letter or digit`);
  }
}

/** The directory of a lab's state. */
export function stateDirOf(lab: string): string {
  return join(stateRoot, lab);
}

/** The directory of a lab's data. */
export function dataDirOf(lab: string): string {
  return join(dataRoot, lab);
}

/** The directory of all that belongs to one host of a lab. */
export function hostDirOf(lab: string, host: string): string {
  return join(dataDirOf(lab), host);
}

/** The name of the n-th host, counted from 1. */
export function hostName(n: number): string {
  return `cn${n}`;
}

/** The network namespace of a host. */
export function netnsOf(lab: string, host: string): string {
  return `nf-${lab}-${host}`;
}

/** The network namespace that holds a lab's two bridges. */
export function switchNetnsOf(lab: string): string {
  return `nf-${lab}-switch`;
}

/** Whether a network namespace is one of this lab's: `nf-a-cn1` is of lab `a`, `nf-a-b-cn1` is not. */
export function isNetnsOf(lab: string, netns: string): boolean {
  const prefix = `nf-${lab}-`;
  return netns.startsWith(prefix) && /^(cn\d+|switch)$/.test(netns.slice(prefix.length));
}

/** The machine's own two links into a lab. A link's name has at most 15 characters, hence the hash. */
export function machineLinksOf(lab: string): { readonly management: string; readonly provider: string } {
  const short = createHash('sha256').update(lab).digest('hex').slice(0, 8);
  return { management: `nfm-${short}`, provider: `nfp-${short}` };
}

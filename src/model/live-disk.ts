import type { XmlElement } from '@rgrove/parse-xml';
import { create } from 'xmlbuilder2';
import type { BaseFormat } from './instance.ts';
import { childrenOf, descendantsOf, rootOf } from './xml-tree.ts';

/** A disk of a running guest, as libvirt describes it at this moment. */
export interface LiveDisk {
  /** What an overlay stands on; null for a disk that is whole. */
  readonly base: { readonly path: string; readonly format: BaseFormat } | null;
  /** Where it is being copied to; null when it is not. */
  readonly mirror: Mirror | null;
}

export interface Mirror {
  /** Null for one that is no file. */
  readonly path: string | null;
  /** Whether the copy is complete, and follows the disk from here on. How much is copied does not tell. */
  readonly isReady: boolean;
}

/** Whether a guest has an agent that can be asked. `silent`: there is a channel, and nobody at its other end. */
export type AgentState = 'none' | 'silent' | 'connected';

/**
 * The disk of this name (`vda`) in a running domain's XML.
 * @throws a TypeError when there is none, or when its base has a format that no base of ours has
 */
export function liveDiskOf(domainXml: string, target: string): LiveDisk {
  const disk = descendantsOf(rootOf(domainXml), 'disk').find((one) => child(one, 'target')?.attributes['dev'] === target);
  if (disk === undefined) throw new TypeError(`the domain has no disk ${target}`);
  const [backing, mirror] = [child(disk, 'backingStore'), child(disk, 'mirror')];
  return {
    base: backing === undefined ? null : baseOf(backing),
    mirror: mirror === undefined ? null : { path: fileOf(mirror), isReady: mirror.attributes['ready'] === 'yes' },
  };
}

/** The type of a domain: `kvm`, `qemu`. */
export function domainTypeOf(domainXml: string): string {
  return rootOf(domainXml).attributes['type'] ?? 'of no type';
}

/** Whether the agent of a running domain can be asked. */
export function agentOf(domainXml: string): AgentState {
  const targets = descendantsOf(rootOf(domainXml), 'channel').flatMap((channel) => child(channel, 'target') ?? []);
  const agent = targets.find(({ attributes }) => attributes['name'] === 'org.qemu.guest_agent.0');
  if (agent === undefined) return 'none';
  return agent.attributes['state'] === 'connected' ? 'connected' : 'silent';
}

/** The XML of a file of qcow2 that a disk is to be copied into. */
export function copyTargetXml(path: string): string {
  const disk = create().ele('disk', { type: 'file' });
  disk.ele('driver', { name: 'qemu', type: 'qcow2' });
  disk.ele('source', { file: path });
  return disk.end({ headless: true });
}

/** An empty element says that there is no base. */
function baseOf(backing: XmlElement): LiveDisk['base'] {
  const path = fileOf(backing);
  if (path === null) return null;
  const format = child(backing, 'format')?.attributes['type'];
  if (format !== 'raw' && format !== 'qcow2') throw new TypeError(`base ${path} has the format ${format}`);
  return { path, format };
}

function fileOf(element: XmlElement): string | null {
  return child(element, 'source')?.attributes['file'] ?? null;
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return childrenOf(element).find((one) => one.name === name);
}

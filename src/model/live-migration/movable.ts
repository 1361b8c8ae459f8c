import type { XmlElement } from '@rgrove/parse-xml';
import { childrenOf, descendantsOf, rootOf } from '../xml-tree.ts';

/** Devices that belong to their host, by the elements that make them, and what they are called. */
const fixed: readonly { readonly element: string; readonly what: string; readonly isFixed: (device: XmlElement) => boolean }[] = [
  { element: 'hostdev', what: 'a device of its host', isFixed: () => true },
  { element: 'interface', what: 'a network device of its host', isFixed: ({ attributes }) => attributes['type'] === 'hostdev' },
  { element: 'filesystem', what: 'a directory of its host', isFixed: () => true },
  { element: 'shmem', what: 'memory that it shares with others', isFixed: () => true },
  {
    element: 'tpm',
    what: "its host's TPM",
    isFixed: (tpm) => childrenOf(tpm).some(({ name, attributes }) => name === 'backend' && attributes['type'] === 'passthrough'),
  },
  { element: 'disk', what: "a whole SCSI device (disk device='lun')", isFixed: ({ attributes }) => attributes['device'] === 'lun' },
];

/** Why a running domain cannot move to another host, each reason in words that follow "the guest has"; empty: it can. */
export function whyUnmovable(domainXml: string): readonly string[] {
  const devices = childrenOf(rootOf(domainXml)).filter(({ name }) => name === 'devices');
  const found = fixed.flatMap(({ element, what, isFixed }) =>
    devices.flatMap((one) =>
      descendantsOf(one, element)
        .filter(isFixed)
        .map(() => what),
    ),
  );
  return [...new Set(found)];
}

/** What a destination has to know of a guest's hardware. */
export interface GuestHardware {
  readonly virtType: string;
  readonly arch: string;
  readonly machineType: string;
  /** The `<cpu>` element as libvirt writes it, or null: QEMU's default. */
  readonly cpuXml: string | null;
  /** Kinds of screens: `vnc`, `spice`. */
  readonly graphics: readonly string[];
  readonly memoryMiB: number;
}

/** @throws a TypeError when the domain names no machine */
export function hardwareIn(domainXml: string): GuestHardware {
  const root = rootOf(domainXml);
  const [type] = descendantsOf(root, 'os').flatMap((os) => childrenOf(os).filter(({ name }) => name === 'type'));
  const machineType = type?.attributes['machine'];
  if (type === undefined || machineType === undefined) throw new TypeError('the domain names no machine');
  const [cpu] = childrenOf(root).filter(({ name }) => name === 'cpu');
  const [memory] = childrenOf(root).filter(({ name }) => name === 'memory');
  return {
    virtType: root.attributes['type'] ?? 'qemu',
    arch: type.attributes['arch'] ?? 'x86_64',
    machineType,
    cpuXml: cpu === undefined ? null : domainXml.slice(cpu.start, cpu.end),
    graphics: descendantsOf(root, 'graphics').flatMap(({ attributes }) => attributes['type'] ?? []),
    memoryMiB: Math.ceil(Number(memory?.text ?? 0) / 1024),
  };
}

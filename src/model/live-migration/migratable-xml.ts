import { XmlElement, XmlText } from '@rgrove/parse-xml';
import { type CpuPlacement, cpuSetsOf } from '../cpus/placement.ts';
import { childrenOf, rootOf } from '../xml-tree.ts';

/** What a guest's domain is to say at its destination instead of what it says at its source. */
export interface DestinationChanges {
  /** Where its screens and network consoles are listened for. */
  readonly listenAddress: string;
  /** The directories of instances; a path below the first lies at the same place below the second. */
  readonly instancesDir: { readonly source: string; readonly destination: string };
  /** Disks that are whole there, though they stand on a base here, by the guest's name of them. */
  readonly wholeDisks: readonly string[];
  /** The block devices that disks are there, by the guest's name of them. */
  readonly devices: Readonly<Record<string, string>>;
  /** On which CPUs it is to run there; null: on any. */
  readonly cpus: CpuPlacement | null;
}

/**
 * The domain's XML as its destination is to have it, made from what libvirt gives for a migration (`VIR_DOMAIN_XML_MIGRATABLE`): addresses
 * of VNC, SPICE and serial consoles (Nova's `get_updated_guest_xml`), paths, bases, block devices, CPUs. All else stays, so that the guest's hardware does.
 * @throws a TypeError when the text is no well-formed document
 */
export function migratableXml(domainXml: string, changes: DestinationChanges): string {
  return written(rootOf(domainXml), changes, null);
}

function written(element: XmlElement, changes: DestinationChanges, parent: XmlElement | null): string {
  const { name } = element;
  const attributes = Object.entries(attributesOf(element, changes, parent)).map(
    ([key, value]) => ` ${key}="${escaped(moved(value, changes))}"`,
  );
  const children = element.children.map((child) => {
    if (child instanceof XmlElement) return isDropped(child, element, changes) ? '' : written(child, changes, element);
    return child instanceof XmlText ? escaped(moved(child.text, changes)) : '';
  });
  // An empty element ends the chain of a disk that stands on nothing.
  if (name === 'disk' && isWhole(element, changes)) children.push('<backingStore/>');
  if (name === 'cputune') children.push(...pinsOf(changes));
  if (name === 'domain' && !childrenOf(element).some((child) => child.name === 'cputune')) {
    const pins = pinsOf(changes);
    if (pins.length > 0) children.push(`<cputune>${pins.join('')}</cputune>`);
  }
  return `<${name}${attributes.join('')}>${children.join('')}</${name}>`;
}

/** `listen` of a screen is an attribute and an element, which have to agree. */
function attributesOf(
  element: XmlElement,
  { listenAddress, devices, cpus }: DestinationChanges,
  parent: XmlElement | null,
): Readonly<Record<string, string>> {
  const { name, attributes } = element;
  if (name === 'vcpu' && parent?.name === 'domain') return onCpus(attributes, cpus);
  const device = name === 'source' && parent?.name === 'disk' ? devices[targetOf(parent)] : undefined;
  if (device !== undefined && 'dev' in attributes) return { ...attributes, dev: device };
  if (name === 'graphics' && 'listen' in attributes) return { ...attributes, listen: listenAddress };
  if (name === 'listen' && parent?.name === 'graphics' && 'address' in attributes) return { ...attributes, address: listenAddress };
  if (name === 'source' && attributes['mode'] === 'bind' && 'host' in attributes) return { ...attributes, host: listenAddress };
  return attributes;
}

/** Which of a host's CPUs a guest may use is the business of that host. */
function onCpus({ cpuset: _cpuset, ...attributes }: Readonly<Record<string, string>>, cpus: CpuPlacement | null): Record<string, string> {
  return cpus === null ? attributes : { ...attributes, cpuset: cpuSetsOf(cpus).all };
}

function pinsOf({ cpus }: DestinationChanges): readonly string[] {
  if (cpus === null || cpus.pinned === null) return [];
  const { all, perVcpu } = cpuSetsOf(cpus);
  return [...perVcpu.map((cpuset, vcpu) => `<vcpupin vcpu="${vcpu}" cpuset="${cpuset}"/>`), `<emulatorpin cpuset="${all}"/>`];
}

function isDropped(child: XmlElement, parent: XmlElement, changes: DestinationChanges): boolean {
  if (parent.name === 'cputune') return child.name === 'vcpupin' || child.name === 'emulatorpin';
  return child.name === 'backingStore' && parent.name === 'disk' && isWhole(parent, changes);
}

function isWhole(disk: XmlElement, { wholeDisks }: DestinationChanges): boolean {
  return wholeDisks.includes(targetOf(disk));
}

function targetOf(disk: XmlElement): string {
  return childrenOf(disk).find(({ name }) => name === 'target')?.attributes['dev'] ?? '';
}

/** Paths are values of attributes (`<source file=…>`) or the text of an element (`<kernel>`). */
function moved(text: string, { instancesDir: { source, destination } }: DestinationChanges): string {
  return text.startsWith(`${source}/`) ? `${destination}${text.slice(source.length)}` : text;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

import { create } from 'xmlbuilder2';
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js';

type XmlNode = XMLBuilder['node'];

/** An element as far as a comparison sees it: its prefix, its comments and the order of its attributes mean nothing. */
interface Element {
  /** Local name, with the namespace before it where there is one: `{uri}name`. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Null for an element that holds elements. */
  readonly text: string | null;
  readonly children: readonly Element[];
}

const ELEMENT_NODE = 1;
const TEXT_NODES: ReadonlySet<number> = new Set([3, 4]);
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/**
 * What `wanted` sets and `actual` does not: every element, attribute and text, each as a readable path
 * (`domain/devices/interface[1]/mtu/@size = 1500, found 1450`). Empty when nothing is missing; `actual` may hold more.
 * Elements of one name are paired by likeness, not by order.
 * @throws an error when one of the two is not XML
 */
export function missingFrom(wanted: string, actual: string): readonly string[] {
  const from = parse(wanted);
  const to = parse(actual);
  return from.name === to.name ? differences(from, to, shortName(from.name)) : [`${shortName(from.name)}, found ${shortName(to.name)}`];
}

function differences(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...missingText(wanted, actual, path), ...missingAttributes(wanted, actual, path), ...missingChildren(wanted, actual, path)];
}

function missingText(wanted: Element, actual: Element, path: string): readonly string[] {
  if (wanted.text === null || wanted.text === actual.text) return [];
  // An element without text that got elements of its own (`<target>` a `<model>`) lost nothing.
  if (wanted.text === '' && actual.text === null) return [];
  return [`${path} = ${wanted.text}, found ${actual.text ?? 'elements'}`];
}

function missingAttributes(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...wanted.attributes]
    .filter(([name, value]) => actual.attributes.get(name) !== value)
    .map(([name, value]) => `${path}/@${name} = ${value}, found ${actual.attributes.get(name) ?? 'none'}`);
}

function missingChildren(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...Map.groupBy(wanted.children, ({ name }) => name)].flatMap(([name, siblings]) => {
    const others = actual.children.filter((child) => child.name === name);
    return unpaired(siblings, others, `${path}/${shortName(name)}`);
  });
}

/**
 * Pairs repeated elements, the likest first, and tells what is missing inside the pairs and which element has no pair.
 * Two wanted elements are never paired with the same one.
 */
function unpaired(wanted: readonly Element[], actual: readonly Element[], path: string): readonly string[] {
  const paths = new Map(wanted.map((element, index) => [element, wanted.length === 1 ? path : `${path}[${index}]`] as const));
  const pairs = wanted
    .flatMap((from) => actual.map((to) => ({ from, to, missing: differences(from, to, paths.get(from) ?? path) })))
    .sort((a, b) => a.missing.length - b.missing.length);
  const taken = new Set<Element>();
  const found = new Map<Element, readonly string[]>();
  for (const { from, to, missing } of pairs) {
    if (found.has(from) || taken.has(to)) continue;
    found.set(from, missing);
    taken.add(to);
  }
  return wanted.flatMap((element) => found.get(element) ?? [`${paths.get(element) ?? path}${described(element)}, found none`]);
}

function described({ attributes, text }: Element): string {
  const inBrackets = [...attributes].map(([name, value]) => `${name}=${value}`).join(' ');
  return `${inBrackets === '' ? '' : ` (${inBrackets})`}${text === null || text === '' ? '' : ` = ${text}`}`;
}

function shortName(name: string): string {
  return name.slice(name.indexOf('}') + 1);
}

function parse(xml: string): Element {
  return elementOf(create(xml).root().node);
}

function elementOf(node: XmlNode): Element {
  const children = [...node.childNodes].filter(({ nodeType }) => nodeType === ELEMENT_NODE).map(elementOf);
  const text = [...node.childNodes].filter(({ nodeType }) => TEXT_NODES.has(nodeType)).map(({ textContent }) => textContent ?? '');
  return { name: nameOf(node), attributes: attributesOf(node), text: children.length === 0 ? text.join('') : null, children };
}

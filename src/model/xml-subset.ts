import type { XmlElement } from '@rgrove/parse-xml';
import { childrenOf, rootOf } from './xml-tree.ts';

/** An element as far as a comparison sees it: comments and the order of attributes mean nothing. */
interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Null for an element that holds elements. */
  readonly text: string | null;
  readonly children: readonly Element[];
}

/**
 * What `wanted` sets and `actual` does not: every element, attribute and text, each as a readable path
 * (`domain/devices/interface[1]/mtu/@size = 1500, found 1450`). Empty when nothing is missing; `actual` may hold more.
 * Elements of one name are paired by likeness, not by order.
 * @throws a TypeError when one of the two is no well-formed document
 */
export function missingFrom(wanted: string, actual: string): readonly string[] {
  const from = elementOf(rootOf(wanted));
  const to = elementOf(rootOf(actual));
  return from.name === to.name ? differences(from, to, from.name) : [`${from.name}, found ${to.name}`];
}

function differences(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...missingText(wanted, actual, path), ...missingAttributes(wanted, actual, path), ...missingChildren(wanted, actual, path)];
}

function missingText(wanted: Element, actual: Element, path: string): readonly string[] {
  if (wanted.text === null || wanted.text === actual.text) return [];
  // An element without text that got elements of its own (`<target>` a `<model>`) lost nothing.
  if (wanted.text === '' && actual.text === null) return [];
  return [`${path} = ${written(wanted.text)}, found ${actual.text === null ? 'elements' : written(actual.text)}`];
}

function missingAttributes(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...wanted.attributes]
    .filter(([name, value]) => actual.attributes.get(name) !== value)
    .map(([name, value]) => `${path}/@${name} = ${value}, found ${actual.attributes.get(name) ?? 'none'}`);
}

function missingChildren(wanted: Element, actual: Element, path: string): readonly string[] {
  return [...Map.groupBy(wanted.children, ({ name }) => name)].flatMap(([name, siblings]) => {
    const others = actual.children.filter((child) => child.name === name);
    return unpaired(siblings, others, `${path}/${name}`);
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
  return `${inBrackets === '' ? '' : ` (${inBrackets})`}${text === null || text === '' ? '' : ` = ${written(text)}`}`;
}

/** Text as the document writes it: `found elements` and `found &lt;x&gt;` are two things. */
function written(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function elementOf(element: XmlElement): Element {
  const children = childrenOf(element).map(elementOf);
  return {
    name: element.name,
    attributes: new Map(Object.entries(element.attributes)),
    text: children.length === 0 ? element.text : null,
    children,
  };
}

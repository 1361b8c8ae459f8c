import { parseXml, XmlElement } from '@rgrove/parse-xml';

/**
 * The root element of an XML document. Names keep their prefix, entities and CDATA are plain text.
 * @throws a TypeError when the text is no well-formed document
 */
export function rootOf(xml: string): XmlElement {
  try {
    const { root } = parseXml(xml, { includeOffsets: true });
    if (root !== null) return root;
  } catch (error) {
    throw new TypeError(`not an XML document with a root element: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  throw new TypeError('not an XML document: it has no root element');
}

/** The elements right below `element`, in their order. */
export function childrenOf(element: XmlElement): readonly XmlElement[] {
  return element.children.filter((child) => child instanceof XmlElement);
}

/** Every element called `name` anywhere below `element`, in the document's order. */
export function descendantsOf(element: XmlElement, name: string): readonly XmlElement[] {
  return childrenOf(element).flatMap((child) => [...(child.name === name ? [child] : []), ...descendantsOf(child, name)]);
}

/** The element as the document that it was read from writes it. */
export function sourceOf(xml: string, { start, end }: XmlElement): string {
  return xml.slice(start, end);
}

import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { settings } from './settings.ts';
import type { Given, Source } from './sources.ts';

/** What the text of a YAML file says; a key that is no setting is a problem, with its line. */
export function fileSource(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) return { given: new Map(), problems: [`${file}: ${broken.message}`] };
  if (document.contents === null) return { given: new Map(), problems: [] };
  if (!isMap(document.contents)) return { given: new Map(), problems: [`${file}: must be a map of settings`] };
  const reading = { document, given: new Map(), problems: [], placeOf: (offset: number) => `${file}:${lines.linePos(offset).line}` };
  readSection(reading, settings, document.contents, '');
  return reading;
}

interface Reading {
  readonly document: Document;
  readonly given: Map<string, Given>;
  readonly problems: string[];
  readonly placeOf: (offset: number) => string;
}

function readSection(reading: Reading, section: z.ZodObject, map: YAMLMap, prefix: string): void {
  for (const pair of map.items) {
    const name = String(pair.key);
    const schema = Object.hasOwn(section.shape, name) ? section.shape[name] : undefined;
    const key = `${prefix}${name}`;
    if (schema instanceof z.ZodObject) readSubsection(reading, schema, pair, key);
    else if (schema !== undefined) reading.given.set(key, { value: plain(reading, pair.value), place: placeOf(reading, pair) });
    else reading.problems.push(`${placeOf(reading, pair)}: "${key}" is not a setting`);
  }
}

/** A section without a value is one whose settings are all commented out. */
function readSubsection(reading: Reading, section: z.ZodObject, pair: Pair, key: string): void {
  if (isMap(pair.value)) readSection(reading, section, pair.value, `${key}.`);
  else if (plain(reading, pair.value) !== null) reading.problems.push(`${placeOf(reading, pair)}: ${key} must be a map of settings`);
}

function placeOf(reading: Reading, { key }: Pair): string {
  return reading.placeOf(isScalar(key) ? (key.range?.[0] ?? 0) : 0);
}

function plain({ document }: Reading, node: unknown): unknown {
  return isNode(node) ? node.toJS(document) : null;
}

import { describe, expect, test } from 'vitest';
import { childrenOf, descendantsOf, rootOf } from '../../src/model/xml-tree.ts';

test.for([
  ['entities', '<a>&lt;b&gt; &amp; &#x263a; &quot;</a>', '<b> & ☺ "'],
  ['a CDATA section', '<a>x<![CDATA[<b> & ]]>y</a>', 'x<b> & y'],
  ['a comment', '<a>x<!-- <b/> -->y</a>', 'xy'],
  ['a declaration before it', '<?xml version="1.0" encoding="UTF-8"?>\n<a>x</a>\n', 'x'],
] as const)('text is read through %s', ([, xml, text]) => {
  expect(rootOf(xml).text).toBe(text);
});

test('names keep their prefix, attributes lose their entities', () => {
  const [child] = childrenOf(rootOf('<a xmlns:n="urn:n"><n:b c="1 &amp; 2"/></a>'));
  expect([child?.name, child?.attributes['c']]).toStrictEqual(['n:b', '1 & 2']);
});

test('elements are found at any depth, in the order of the document', () => {
  const root = rootOf('<a><b i="1"><c/><b i="2"/></b>text<d><b i="3"/></d></a>');
  expect(descendantsOf(root, 'b').map(({ attributes }) => attributes['i'])).toStrictEqual(['1', '2', '3']);
  expect(childrenOf(root).map(({ name }) => name)).toStrictEqual(['b', 'd']);
});

describe('no document is', () => {
  test.for([
    ['an empty text', ''],
    ['an element that is not closed', '<a><b></a>'],
    ['two roots', '<a/><b/>'],
    ['an entity that is not declared', '<a>&b;</a>'],
  ] as const)('%s', ([, xml]) => {
    expect(() => rootOf(xml)).toThrow(TypeError);
  });
});

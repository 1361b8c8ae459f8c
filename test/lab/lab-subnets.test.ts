import { expect, test } from 'vitest';
import { checkLabName, isNetnsOf, machineLinksOf } from '../../lab/names.ts';
import { addressIn, freeSubnets } from '../../lab/subnets.ts';

const usual = freeSubnets('demo', []);

test('a lab of one name has the same two networks each time', () => {
  expect(freeSubnets('demo', ['default', '192.168.1.0/24', '127.0.0.1'])).toEqual(usual);
  expect(usual.management).not.toBe(usual.provider);
});

test.for([
  ['its own management network', usual.management],
  ['its own provider network', usual.provider],
  ['an address in it', addressIn(usual.provider, 77)],
  ['a larger network around it', usual.management.replace(/\d+\.0\/24$/, '0.0/16')],
])('a lab goes elsewhere when the machine has a route to %s', ([, taken]) => {
  const elsewhere = freeSubnets('demo', [taken ?? '']);
  expect(elsewhere.management).not.toBe(usual.management);
  expect(elsewhere.provider).not.toBe(usual.provider);
});

test('a machine whose routes cover all networks of labs has room for none', () => {
  expect(() => freeSubnets('demo', ['10.0.0.0/8'])).toThrow('there is none left for a lab');
});

test.for(['', 'Upper', '-a', 'a/b', '../a', 'a b', 'x'.repeat(31)])('"%s" cannot name a lab', (name) => {
  expect(() => checkLabName(name)).toThrow('cannot name a lab');
});

test.for([
  ['nf-a-cn1', true],
  ['nf-a-switch', true],
  ['nf-a-b-cn1', false],
  ['nf-a', false],
  ['cn1', false],
] as const)('whether %s is a namespace of lab a: %s', ([netns, expected]) => {
  expect(isNetnsOf('a', netns)).toBe(expected);
});

test('the names of links fit into the 15 characters that Linux gives them', () => {
  for (const link of Object.values(machineLinksOf('x'.repeat(30)))) expect(link.length).toBeLessThanOrEqual(15);
});

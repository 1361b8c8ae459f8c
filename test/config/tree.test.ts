import { expect, test } from 'vitest';
import { z } from 'zod';
import { treeOf, yamlOf } from '../../src/config/tree.ts';

const section = z.strictObject({
  store: z.strictObject({ bucket: z.string(), secretKey: z.string().nullable().meta({ secret: true }) }),
  level: z.string(),
});

test('a secret setting is printed as a mask', () => {
  const printed = yamlOf(section, { store: { bucket: 'images', secretKey: 'hunter2' }, level: 'info' });
  expect(printed).toBe('store:\n  bucket: images\n  secretKey: "********"\nlevel: info\n');
});

test('a secret setting that has no value is printed as that', () => {
  expect(yamlOf(section, { store: { bucket: 'images', secretKey: null }, level: 'info' })).toContain('secretKey: null');
});

test('a section is there even when none of its settings has a value', () => {
  expect(treeOf(section, new Map([['level', 'info']]))).toEqual({ store: {}, level: 'info' });
});

import { stringify } from 'yaml';
import type { z } from 'zod';
import { settingsOf } from './settings.ts';

type Tree = { [key: string]: unknown };

/** Values by dotted key as the nested object of `section`; every section in it is there, a setting without a value is absent. */
export function treeOf(section: z.ZodObject, values: ReadonlyMap<string, unknown>): Tree {
  const root: Tree = {};
  for (const { key } of settingsOf(section)) {
    const names = key.split('.');
    const last = names.pop() ?? key;
    const parent = names.reduce<Tree>((tree, name) => sectionOf(tree, name), root);
    if (values.has(key)) parent[last] = values.get(key);
  }
  return root;
}

/** Settings as the YAML file that would give them again, but for the secret ones, which are masked. */
export function yamlOf(section: z.ZodObject, tree: object): string {
  const shown = settingsOf(section).map(({ key, isSecret }): [string, unknown] => [key, masked(valueAt(tree, key), isSecret)]);
  return stringify(treeOf(section, new Map(shown)));
}

function masked(value: unknown, isSecret: boolean): unknown {
  return isSecret && value !== null && value !== undefined ? '********' : value;
}

function sectionOf(tree: Tree, name: string): Tree {
  const section = (tree[name] ?? {}) as Tree;
  tree[name] = section;
  return section;
}

function valueAt(tree: object, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined), tree);
}

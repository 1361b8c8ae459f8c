import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileSource } from './config/file.ts';
import { type Config, settings } from './config/settings.ts';
import { environmentSource, type Flags, flagSource, type Given, type Source } from './config/sources.ts';
import { treeOf, yamlOf } from './config/tree.ts';
import type { FieldProblem } from './model/failure.ts';
import { builtInFlavors, type Flavor } from './model/flavor.ts';
import { problemsOf } from './schema/problems.ts';

export type { Config } from './config/settings.ts';

/** Read when neither `--config` nor `NOVAFLOW_CONFIG` names another file; it need not exist. */
export const defaultConfigFile = '/etc/novaflow/novaflow.yaml';

/** A configuration that is refused; the message has one line a problem, each with the place that is at fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Where a configuration comes from; what is left out is that of this process. */
export interface ConfigSources {
  /** Values by dotted key, as text or typed: `{ 'host.name': 'cn1' }`. */
  readonly flags?: Flags;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The file that `--config` names; it must exist. */
  readonly file?: string | undefined;
  readonly hostname?: string;
}

/**
 * The configuration in effect: for each setting the flag, else the environment, else the file, else the default. `flavors` holds all
 * there are. Throws a `ConfigError` that names every key that is unknown or has a wrong value.
 */
export function loadConfig({ flags = {}, env = process.env, file, hostname: machine = hostname() }: ConfigSources = {}): Config {
  const sources = [machineSource(machine), readSource(file ?? (env['NOVAFLOW_CONFIG'] || null)), environmentSource(env), flagSource(flags)];
  const given = new Map(sources.flatMap((source) => [...source.given]));
  const name = given.get('host.name');
  if (name !== undefined && !given.has('host.address')) given.set('host.address', name);
  const parsed = settings.safeParse(treeOf(settings, new Map([...given].map(([key, { value }]) => [key, value]))));
  const problems = [
    ...sources.flatMap((source) => source.problems),
    ...(parsed.success ? [] : wrongValues(problemsOf(parsed.error), given)),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { ...parsed.data, flavors: withBuiltIn(parsed.data.flavors) };
}

/** The configuration as a file that would give it again, but for its secrets, which are masked. */
export function configYaml(config: Config): string {
  return yamlOf(settings, config);
}

/** What the machine itself says: its host name up to the first dot. */
function machineSource(machine: string): Source {
  const label = machine.split('.', 1)[0]?.toLowerCase();
  return { given: new Map([['host.name', { value: label, place: "this machine's host name" }]]), problems: [] };
}

function readSource(named: string | null): Source {
  const file = named ?? defaultConfigFile;
  try {
    return fileSource(file, readFileSync(file, 'utf8'));
  } catch (error) {
    if (named === null && isMissing(error)) return { given: new Map(), problems: [] };
    return { given: new Map(), problems: [`${file}: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function wrongValues(problems: readonly FieldProblem[], given: ReadonlyMap<string, Given>): string[] {
  return problems.map(({ field, message }) => {
    const key = [...given.keys()].find(
      (candidate) => field === candidate || field.startsWith(`${candidate}.`) || field.startsWith(`${candidate}[`),
    );
    return `${key === undefined ? '' : `${given.get(key)?.place}: `}${field} ${message}`;
  });
}

function withBuiltIn(added: readonly Flavor[]): Flavor[] {
  const replaced = new Set(added.map(({ name }) => name));
  return [...builtInFlavors.filter(({ name }) => !replaced.has(name)), ...added];
}

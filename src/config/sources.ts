import { parse } from 'yaml';
import { flagOf, variableOf } from './names.ts';
import { type Setting, settings, settingsOf } from './settings.ts';

/** A value for a setting and the place that gave it, which a refusal names. */
export interface Given {
  readonly value: unknown;
  readonly place: string;
}

/** What one source says of which settings, and what it says that is none. */
export interface Source {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly string[];
}

/** Values of flags by the dotted key of their setting; what is undefined was not given. */
export type Flags = Readonly<Record<string, string | number | boolean | undefined>>;

/** What the command line says; a key that is no setting is a problem. */
export function flagSource(flags: Flags): Source {
  const known = new Map(settingsOf(settings).map((setting) => [setting.key, setting]));
  const given = new Map<string, Given>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(flags)) {
    const setting = known.get(key);
    if (setting === undefined) problems.push(`${flagOf(key)}: "${key}" is not a setting`);
    else if (value !== undefined)
      given.set(key, { value: typeof value === 'string' ? fromText(setting, value) : value, place: flagOf(key) });
  }
  return { given, problems };
}

/** What the environment says; an empty variable says nothing, and variables that are no setting's are other programs' business. */
export function environmentSource(env: Readonly<Record<string, string | undefined>>): Source {
  const given = new Map<string, Given>();
  for (const setting of settingsOf(settings)) {
    const place = variableOf(setting.key);
    const text = env[place];
    if (text !== undefined && text !== '') given.set(setting.key, { value: fromText(setting, text), place });
  }
  return { given, problems: [] };
}

/** Text is taken as it stands where the setting takes text; else it is read as YAML, which has numbers, booleans and lists. */
function fromText({ schema }: Setting, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    return parse(text);
  } catch {
    return text;
  }
}

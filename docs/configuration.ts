import type { z } from 'zod';
import { flagOf, variableOf } from '../src/config/names.ts';
import { type Setting, settings, settingsOf } from '../src/config/settings.ts';
import { markdownTable } from './markdown-table.ts';
import { writeOrCheck } from './write-or-check.ts';

/** The manual of the settings, made from their schema. */
export function configurationManual(): string {
  return `# Configuration

A worker and the \`novaflow\` command read their settings from, the first that has one deciding:

1. the flag: \`${flagOf('host.name')} cn1\`;
2. the environment: \`${variableOf('host.name')}=cn1\`;
3. a YAML file: the one that \`--config\` names, else the one that \`NOVAFLOW_CONFIG\` names, else \`/etc/novaflow/novaflow.yaml\` if it is there;
4. the default.

A key that is no setting and a value that is not allowed are errors, which name the key and the place. Names of flags and variables follow
from the key: a dot and a capital each begin a word, so that \`host.availabilityZone\` is \`${flagOf('host.availabilityZone')}\` and
\`${variableOf('host.availabilityZone')}\`. Their values are text where the setting is text, else YAML: \`8\`, \`false\`, \`[{ name: small, vcpus: 1, memoryMiB: 512, rootGiB: 1 }]\`.
An empty variable counts as unset, and a variable that is none of these is ignored, whatever it begins with. \`novaflow config\` prints what is in effect.

The connection to Temporal is not among them: it is Temporal's own \`TEMPORAL_ADDRESS\`, \`TEMPORAL_NAMESPACE\`, … and its file.

${markdownTable(['key', 'variable', 'default', ''], settingsOf(settings).map(row))}
`;
}

function row({ key, schema }: Setting): string[] {
  return [`\`${key}\``, `\`${variableOf(key)}\``, defaultOf(schema), schema.description ?? ''];
}

function defaultOf(schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined);
  if (!success) return 'see right';
  return data === null ? 'none' : `\`${typeof data === 'string' ? data : JSON.stringify(data)}\``;
}

if (import.meta.main) {
  await writeOrCheck({
    directory: new URL('./', import.meta.url),
    files: new Map([['configuration.md', configurationManual()]]),
    isShared: true,
  });
}

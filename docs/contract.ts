import { z } from 'zod';
import { context } from '../src/schema/context.ts';
import { failure } from '../src/schema/failure.ts';
import { records, resultOf } from '../src/schema/record.ts';
import { decisions, type OperationName, requests } from '../src/schema/request.ts';
import { markdownTable } from './markdown-table.ts';
import { writeOrCheck } from './write-or-check.ts';

/** The files of `docs/contract/` by name, made from the schemas in the source. */
export function contractFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(requests).map(([name, schema]) => requestFile(name, `What the operation ${name} takes.`, schema)),
    ...Object.entries(decisions).map(([name, schema]) => requestFile(name, `What the update ${name} takes.`, schema)),
    ...Object.entries(records).map(([name, schema]) => file(`${name}.schema.json`, name, schema, 'output')),
    file('context.schema.json', 'The context of a request, in the Temporal header novaflow-context.', context, 'input'),
    file('failures.schema.json', 'The failure of a run, with its details object.', failure, 'output'),
    ['README.md', index()],
  ]);
}

function requestFile(name: string, title: string, schema: z.ZodType): [string, string] {
  return file(`${name}.request.schema.json`, title, schema, 'input');
}

function file(name: string, title: string, schema: z.ZodType, io: 'input' | 'output'): [string, string] {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io });
  return [name, `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`];
}

function index(): string {
  const names = Object.keys(requests) as OperationName[];
  const rows = names.map((name) => [`\`${name}\``, link(`${name}.request.schema.json`), link(`${resultOf[name]}.schema.json`)]);
  return `# The contract

Made from the schemas in \`src/schema/\` by \`node docs/contract.ts\`; a change here is a change of the public API.
A request may have no other fields than its schema names, and null is refused where a field may be absent.

${markdownTable(['operation', 'takes', 'returns'], rows)}

The query \`record\` of the workflows \`instance/<id>\`, \`host/<name>\`, \`image/<id>\` and \`network/<name>\` answers ${link('instance.schema.json')}, ${link('host.schema.json')},
${link('image.schema.json')} and ${link('network.schema.json')}; the query \`operation\` of an operation answers ${link('operation.schema.json')}. A parked operation takes the updates
\`retry\` (${link('retry.request.schema.json')}) and \`rollback\` (${link('rollback.request.schema.json')}),
a resize that waits for a decision \`confirm\` (${link('confirm.request.schema.json')}) and \`revert\` (${link('revert.request.schema.json')}),
a live migration that runs \`abort\` (${link('abort.request.schema.json')}), \`forceComplete\` (${link('forceComplete.request.schema.json')}) and \`setPolicy\` (${link('setPolicy.request.schema.json')}). A failed run has one of the types in ${link('failures.schema.json')}.
Who asks is in the Temporal header \`novaflow-context\`: ${link('context.schema.json')}; [who asks](../requesters.md) says what it decides.
`;
}

function link(name: string): string {
  return `[${name}](${name})`;
}

if (import.meta.main) await writeOrCheck({ directory: new URL('contract/', import.meta.url), files: contractFiles() });

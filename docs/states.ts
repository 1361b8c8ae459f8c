import { taskStates, vmStates } from '../src/model/instance.ts';
import { type Transition, transitions } from '../src/model/transitions.ts';
import { markdownTable } from './markdown-table.ts';
import { writeOrCheck } from './write-or-check.ts';

const rows: readonly (readonly [action: string, row: Transition])[] = Object.entries(transitions);

/** The manual of an instance's states, made from the table that its record decides by. */
export function statesManual(): string {
  return `# States of an instance

Made from [\`src/model/transitions.ts\`](../src/model/transitions.ts) by \`node docs/states.ts\`. \`vmState\` is what an instance is when nothing happens to it, \`taskState\`
is what happens to it; both are Nova's. An action that may not begin is refused before anything is touched: \`InvalidState\`, with both states, \`InstanceBusy\` while
another operation is under way, \`InstanceLocked\` where a lock counts and who asks is no administrator.

\`\`\`mermaid
${diagram()}
\`\`\`

(From every state \`deleteInstance\` leads to \`deleted\` and \`softDeleteInstance\` to \`soft-delete\`; actions that leave the state as it is are in the table alone.)

${markdownTable(['action', 'begins in', 'while', 'shows', 'leads to', 'a lock'], rows.map(cells))}
`;
}

function diagram(): string {
  const arrows = new Map<string, string[]>();
  for (const [action, { vmStates: from, leadsTo }] of rows) {
    if (leadsTo === null || from.length === vmStates.length) continue;
    for (const state of from.filter((one) => one !== leadsTo)) {
      const arrow = `  ${idOf(state)} --> ${idOf(leadsTo)}: `;
      arrows.set(arrow, [...(arrows.get(arrow) ?? []), action]);
    }
  }
  return [
    'stateDiagram-v2',
    ...vmStates.filter((state) => idOf(state) !== state).map((state) => `  state "${state}" as ${idOf(state)}`),
    '  [*] --> active: buildInstance',
    ...[...arrows].map(([arrow, actions]) => `${arrow}${actions.join(', ')}`),
  ].join('\n');
}

/** Mermaid's names have no hyphen. */
function idOf(state: string): string {
  return state.replaceAll('-', '_');
}

function cells([action, { vmStates: from, taskStates: during, sets, leadsTo, lock }]: (typeof rows)[number]): string[] {
  return [
    `\`${action}\``,
    from.length === vmStates.length ? 'any' : listed(from),
    duringText(during),
    sets === null ? '–' : `\`${sets}\``,
    leadsTo === null ? 'as it was' : `\`${leadsTo}\``,
    lock,
  ];
}

function duringText(during: Transition['taskStates']): string {
  if (during.length === 1) return 'nothing';
  const missing = taskStates.filter((state) => !during.includes(state));
  if (missing.length < during.length) return missing.length === 0 ? 'anything' : `anything but ${listed(missing)}`;
  return `nothing, or ${listed(during.filter((state) => state !== null))}`;
}

function listed(states: readonly string[]): string {
  return states.map((state) => `\`${state}\``).join(', ');
}

if (import.meta.main) {
  await writeOrCheck({ directory: new URL('./', import.meta.url), files: new Map([['states.md', statesManual()]]), isShared: true });
}

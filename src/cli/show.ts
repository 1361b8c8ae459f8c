import type { RecordKind, Records } from './cloud.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { answer, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';

interface Showing<Kind extends RecordKind> {
  /** How one of the kind is named: `id or name`. */
  readonly named: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly idOf: (record: Records[Kind]) => string;
  readonly sheet: (record: Records[Kind], terminal: Terminal) => string;
}

/** Adds `novaflow <kind> show`, which prints a whole record. */
export function addShow<Kind extends RecordKind>(group: Group, session: Session, kind: Kind, showing: Showing<Kind>): void {
  group
    .command('show')
    .argument(`<${kind}>`, showing.named)
    .description(showing.description)
    .addHelpText('after', examples(...showing.examples))
    .action(async (idOrName) => {
      const record = await (await session.cloud()).record(kind, `${idOrName}`);
      answer(session, { json: record, ids: [showing.idOf(record)], text: () => showing.sheet(record, session.terminal) });
    });
}

import { Command, Option } from '@commander-js/extra-typings';

/** The command itself, with the options that are accepted before and after every word of it. */
export function newCommand() {
  return new Command('novaflow')
    .option('--json', 'print the record or the list as JSON, and nothing else on stdout')
    .option('-q, --quiet', 'print ids only, and no progress')
    .addOption(new Option('--as-user <id>', 'ask on behalf of this user').env('NOVAFLOW_AS_USER'))
    .addOption(new Option('--as-project <id>', 'and of this project, whose instances are the only ones there').env('NOVAFLOW_AS_PROJECT'))
    .option('--as-admin', 'as an administrator, who sees all projects (so does who asks on behalf of nobody)');
}

/** Adds the commands of one kind of thing: `novaflow instance …`. */
export function addGroup(program: Program, name: string, description: string) {
  return program.command(name).description(description);
}

/** What `newCommand` makes. */
export type Program = ReturnType<typeof newCommand>;
/** What `addGroup` makes. */
export type Group = ReturnType<typeof addGroup>;

import type { Findings } from '../schema/results.ts';
import type { Program } from './commands.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { resultOf } from './follow.ts';
import { answer, type Session } from './session.ts';
import { table } from './tables.ts';

/** Adds `novaflow verify`. */
export function addVerifyCommand(program: Program, session: Session): void {
  program
    .command('verify')
    .argument('[hosts...]', 'names of hosts (default: all)')
    .description('compare the records with what is on the hosts; exit code 1 when something is not as they say')
    .addHelpText('after', examples('verify', 'verify cn1 cn2 --json'))
    .action(async (hosts) => {
      const request = hosts.length === 0 ? {} : { hosts };
      const run = await (await session.cloud()).start('verify', hosts.join('+') || 'all', request);
      const { findings } = (await resultOf(session, run)) as Findings;
      answer(session, { json: { findings }, ids: findings.map(({ what }) => what), text: () => findingsText(findings) });
      if (findings.length > 0) session.endWith(exitCodes.failed);
    });
}

function findingsText(findings: Findings['findings']): string {
  if (findings.length === 0) return 'everything is as the records say';
  const rows = findings.map(({ kind, host, what, likelyCause }) => [kind, host ?? '-', what, likelyCause]);
  return table(['KIND', 'HOST', 'WHAT', 'LIKELY CAUSE'], rows);
}

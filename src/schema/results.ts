import { z } from 'zod';

/** What `getConsoleOutput` returns: the last bytes as text, and whether there were more. */
export const consoleOutput = z.strictObject({ output: z.string(), truncated: z.boolean() });

/** One thing that is not as the records say. */
const finding = z.strictObject({
  kind: z.string().describe('What sort of thing it is: domain, file, tap, claim, address…'),
  host: z.string().nullable(),
  what: z.string(),
  likelyCause: z.string(),
});

/** What `verify` returns. */
export const findings = z.strictObject({ findings: z.array(finding) });

/** The end of a console. */
export type ConsoleOutput = z.output<typeof consoleOutput>;
/** All that `verify` found. */
export type Findings = z.output<typeof findings>;
/** One thing that `verify` found. */
export type Finding = z.output<typeof finding>;

import { z } from 'zod';
import { id } from './values.ts';

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

/** What `cacheImage` returns: what became of the image on each host. A host that failed keeps no other from it. */
export const cachedImage = z.strictObject({
  imageId: id,
  hosts: z.array(
    z.strictObject({
      host: z.string(),
      state: z.enum(['cached', 'failed']),
      reason: z.string().nullable().describe('Why it failed.'),
    }),
  ),
});

/** The end of a console. */
export type ConsoleOutput = z.output<typeof consoleOutput>;
/** What became of an image on hosts. */
export type CachedImage = z.output<typeof cachedImage>;
/** All that `verify` found. */
export type Findings = z.output<typeof findings>;
/** One thing that `verify` found. */
export type Finding = z.output<typeof finding>;

import { z } from 'zod';
import { type Difference, type DiskRoom, differenceKinds } from '../model/audit.ts';
import { describes } from './describes.ts';
import { count, id, time } from './values.ts';

/** What `getConsoleOutput` returns: the last bytes as text, and whether there were more. */
export const consoleOutput = z.strictObject({ output: z.string(), truncated: z.boolean() });

/** What `getScreenshot` returns. */
export const screenshot = z.strictObject({ pngBase64: z.string() });

/** What `openConsole` returns: where one connection is taken, in TLS 1.2 with a pre-shared key and no certificates. */
export const remoteConsole = z.strictObject({
  kind: z.enum(['serial', 'vnc']),
  address: z.string(),
  port: z.int(),
  cipher: z.string().describe("OpenSSL's name of the cipher suite."),
  identity: z.string().describe('The identity that goes with the key.'),
  presharedKey: z.string().describe('Hexadecimal; good for one connection.'),
  expiresAt: time.describe('Nobody is let in later.'),
});

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

const difference = describes<Difference>()(z.strictObject({ kind: z.enum(differenceKinds), what: z.string(), likelyCause: z.string() }));

/** What `auditHost` returns: the room on the host's disk, what is not as its record says, and what of it was given back. */
export const hostAudit = z.strictObject({
  host: z.string(),
  disk: describes<DiskRoom>()(
    z.strictObject({
      freeBytes: count,
      overCommittedBytes: count.describe('What the disks of instances may still grow by.'),
      availableLeastBytes: z.int().describe('What is free when all of them have grown; negative when they cannot.'),
    }),
  ),
  differences: z.array(difference),
  healed: z.array(difference).describe('Claims of deleted instances, which nobody holds.'),
});

/** The end of a console. */
export type ConsoleOutput = z.output<typeof consoleOutput>;
/** What became of an image on hosts. */
export type CachedImage = z.output<typeof cachedImage>;
/** What an audit of a host found. */
export type HostAudit = z.output<typeof hostAudit>;
/** All that `verify` found. */
export type Findings = z.output<typeof findings>;
/** One thing that `verify` found. */
export type Finding = z.output<typeof finding>;
/** A picture of a screen. */
export type Screenshot = z.output<typeof screenshot>;

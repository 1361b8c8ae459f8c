import { z } from 'zod';
import * as patterns from './patterns.ts';

// What results promise; what is asked of requests is in `fields.ts`.

/** An id. */
export const id = z.string().regex(patterns.uuid);
/** A moment. */
export const time = z.iso.datetime({ precision: 3 }).describe('ISO 8601 in UTC, with milliseconds.');
/** A number of things, or an amount of the unit that its name ends in. */
export const count = z.int().min(0);
/** A content checksum. */
export const checksum = z.string().regex(patterns.checksum);
/** A MAC address in the range that OpenStack uses. */
export const mac = z.string().regex(/^fa:16:3e(?::[0-9a-f]{2}){3}$/);
/** An address of IPv4. */
export const ipv4 = z.ipv4();
/** Strings by key. */
export const stringMap = z.record(z.string(), z.string());
/** What a host has, or an instance takes. */
export const resources = z.strictObject({ vcpus: count, memoryMiB: count, diskGiB: count });

import { z } from 'zod';
import * as patterns from './patterns.ts';

/** Values of results, which say what is promised; what is asked of requests is in `fields.ts`. */
export const id = z.string().regex(patterns.uuid);
export const time = z.iso.datetime({ precision: 3 }).describe('ISO 8601 in UTC, with milliseconds.');
export const count = z.int().min(0);
export const checksum = z.string().regex(patterns.checksum);
export const mac = z.string().regex(/^fa:16:3e(?::[0-9a-f]{2}){3}$/);
export const ipv4 = z.ipv4();
export const stringMap = z.record(z.string(), z.string());
export const resources = z.strictObject({ vcpus: count, memoryMiB: count, diskGiB: count });

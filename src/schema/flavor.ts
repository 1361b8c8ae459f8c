import { z } from 'zod';
import { must, name, objectOf, stringMap, wholeNumber } from './fields.ts';

/** The most that a disk of ours may have. */
export const maxDiskGiB = 65_536;

/** A flavor that a request or the configuration spells out; what it leaves out is none. */
export const flavor = objectOf({
  name,
  vcpus: wholeNumber(1, 512),
  memoryMiB: wholeNumber(1, 16 * 1024 ** 2),
  rootGiB: wholeNumber(0, maxDiskGiB).describe("0: the image's own size."),
  ephemeralGiB: wholeNumber(0, maxDiskGiB).default(0),
  swapMiB: wholeNumber(0, 1024 ** 2).default(0),
  extraSpecs: stringMap.default({}),
});

/** A flavor by name, or spelled out. */
export const flavorOrName = z.union([name, flavor], must('the name of a flavor, or an object { name, vcpus, memoryMiB, rootGiB, … }'));

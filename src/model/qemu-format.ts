import type { BaseFormat } from './instance.ts';

/** What QEMU is told that bytes of a recorded format are: all but qcow2 are the guest's own, from the first to the last. */
export function qemuFormatOf(format: string): BaseFormat {
  return format === 'qcow2' ? 'qcow2' : 'raw';
}

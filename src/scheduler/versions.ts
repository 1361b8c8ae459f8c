/** A version as one number, libvirt's way: `7.2.22` is 7,002,022. What is no version is 0. */
export function versionNumber(version: string): number {
  const [major = 0, minor = 0, release = 0] = version.split('.').map(Number);
  const number = major * 1_000_000 + minor * 1_000 + release;
  return Number.isFinite(number) ? number : 0;
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '==': (a, b) => a === b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
  '!=': (a, b) => a !== b,
};

/** Whether a version is what a predicate of Nova's image property `img_hv_requested_version` wants: `>=6.0,<8`. Parts that are no predicate never hold. */
export function satisfies(version: string, predicate: string): boolean {
  return predicate.split(',').every((part) => {
    const [, operator = '', operand = ''] = /^\s*(<=|<|==|>=|>|!=)\s*(\d+(?:\.\d+){0,2})\s*$/.exec(part) ?? [];
    return comparisons[operator]?.(versionNumber(version), versionNumber(operand)) ?? false;
  });
}

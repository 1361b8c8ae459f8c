/** A host's capability: a number, a word, or a list of words. */
export type Capability = number | string | readonly string[];

type Compare = (capability: string, operand: string) => boolean;

/** Numbers that cannot be read compare as false. */
const numeric =
  (compare: (a: number, b: number) => boolean): Compare =>
  (capability, operand) =>
    compare(numberOf(capability), numberOf(operand));

/** Nova's operators with one operand (`extra_specs_ops`); `=` is its "at least". */
const operators: ReadonlyMap<string, Compare> = new Map<string, Compare>([
  ['=', numeric((a, b) => a >= b)],
  ['==', numeric((a, b) => a === b)],
  ['!=', numeric((a, b) => a !== b && !Number.isNaN(a) && !Number.isNaN(b))],
  ['>=', numeric((a, b) => a >= b)],
  ['<=', numeric((a, b) => a <= b)],
  ['s==', (a, b) => a === b],
  ['s!=', (a, b) => a !== b],
  ['s<', (a, b) => a < b],
  ['s<=', (a, b) => a <= b],
  ['s>', (a, b) => a > b],
  ['s>=', (a, b) => a >= b],
]);

/**
 * Whether a capability is what an extra spec wants: `>= 4`, `s== kvm`, `<in> avx2`, `<all-in> aes avx2`, `<or> 8 <or> 16`,
 * `<range-in> [ 2 8 ]`; without an operator the very word.
 */
export function matches(capability: Capability, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/);
  const [operator = '', ...operands] = words;
  if (operator === '<in>') return has(capability, operands.join(' '));
  if (operator === '<all-in>') return operands.length > 0 && operands.every((operand) => has(capability, operand));
  if (operator === '<or>') return operands.filter((word) => word !== '<or>').includes(textOf(capability));
  if (operator === '<range-in>') return isInRange(numberOf(textOf(capability)), operands);
  const compare = operators.get(operator);
  return compare === undefined ? textOf(capability) === wanted.trim() : compare(textOf(capability), operands.join(' '));
}

/** A word of a list; of a text, a part of it. */
function has(capability: Capability, word: string): boolean {
  return typeof capability === 'number' ? String(capability).includes(word) : capability.includes(word);
}

/** `[ 2 8 ]` has both ends, `( 2 8 )` neither; blanks beside the brackets may be left out. */
function isInRange(value: number, words: readonly string[]): boolean {
  const [, open, from = '', to = '', close] = /^([[(])\s*(\S+)\s+(\S+?)\s*([\])])$/.exec(words.join(' ')) ?? [];
  const isAbove = open === '[' ? value >= numberOf(from) : value > numberOf(from);
  const isBelow = close === ']' ? value <= numberOf(to) : value < numberOf(to);
  return open !== undefined && isAbove && isBelow;
}

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function textOf(capability: Capability): string {
  return typeof capability === 'object' ? capability.join(' ') : String(capability);
}

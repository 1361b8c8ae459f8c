import { table } from '../src/cli/tables.ts';

/** A figure that is to be reached: samples of ours, and those it is held against. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'MB' | 'pings';
  readonly ours: readonly number[];
  /** Measured in the same run, and where that is possible in turns with ours. */
  readonly beside: { readonly what: string; readonly samples: readonly number[] } | null;
  /** What the median of ours may be, given the median beside it. */
  readonly limit: { readonly text: string; readonly of: (beside: number) => number };
  /** Why the samples prove nothing, or null. */
  readonly voidBecause: string | null;
}

/** What became of a figure. */
export interface Verdict {
  readonly ours: number;
  readonly beside: number | null;
  readonly ratio: number | null;
  readonly difference: number | null;
  readonly limit: number;
  /** False for a figure that is void. */
  readonly isReached: boolean;
}

/** The middle of the samples, or the mean of the two middle ones; NaN of none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

/** Holds the median of ours against the limit. */
export function verdictOn({ ours, beside, limit, voidBecause }: Figure): Verdict {
  const middle = median(ours);
  const other = beside === null ? null : median(beside.samples);
  const most = limit.of(other ?? Number.NaN);
  return {
    ours: middle,
    beside: other,
    ratio: other === null ? null : middle / other,
    difference: other === null ? null : middle - other,
    limit: most,
    isReached: voidBecause === null && middle <= most,
  };
}

/** Null when the measurement went through; else why its samples prove nothing. */
export async function reasonToVoid(measure: () => Promise<void>): Promise<string | null> {
  try {
    await measure();
    return null;
  } catch (error) {
    return error instanceof Error
      ? [error.message, error.cause instanceof Error ? error.cause.message : []].flat().join(': ')
      : String(error);
  }
}

/** All figures as a table for people: medians, ratio, difference, what is to be reached and whether it is. */
export function figuresTable(figures: readonly Figure[]): string {
  return table(['MEDIANS', 'OURS', 'BESIDE', 'RATIO', 'DIFFERENCE', 'TO REACH', ''], figures.map(row));
}

/** Every sample of a figure, in the order they were taken in. */
export function samplesOf({ name, unit, ours, beside }: Figure): string {
  const listed = (what: string, samples: readonly number[]) => `  ${what.padEnd(8)} ${samples.map((value) => value.toFixed(0)).join(' ')}`;
  return [`${name}, ${unit}`, listed('ours', ours), ...(beside === null ? [] : [listed(beside.what, beside.samples)])].join('\n');
}

/** The figures as they are written to a file. */
export function figuresJson(figures: readonly Figure[]): readonly object[] {
  return figures.map((figure) => {
    const { limit, ...rest } = figure;
    return { ...rest, toReach: limit.text, verdict: verdictOn(figure) };
  });
}

function row(figure: Figure): string[] {
  const { ours, beside, ratio, difference, limit, isReached } = verdictOn(figure);
  const { unit, voidBecause } = figure;
  const amount = (value: number) => `${value.toFixed(0)} ${unit}`;
  return [
    figure.name,
    amount(ours),
    beside === null ? '' : `${figure.beside?.what} ${amount(beside)}`,
    ratio === null ? '' : `× ${ratio.toFixed(2)}`,
    difference === null ? '' : `${difference < 0 ? '−' : '+'}${amount(Math.abs(difference))}`,
    `≤ ${figure.limit.text}${beside === null ? '' : ` = ${amount(limit)}`}`,
    voidBecause === null ? (isReached ? '✓' : '✗') : `void: ${voidBecause}`,
  ];
}

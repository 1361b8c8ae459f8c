import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';

type Values = readonly SearchAttributeUpdatePair[];

/** Writes what lists show of a record. Each write is an event and a row in the visibility store, so only what changed is written. */
export interface Showing {
  readonly attributes: (values: Values) => void;
  readonly memo: (memo: object) => void;
}

/** A record's showing: what an earlier run of it wrote is not known, and written once more. */
export function showing(): Showing {
  let last = '';
  return {
    attributes: (values) => {
      const text = JSON.stringify(values.map(({ key, value }) => [key.name, value]));
      if (text !== last) upsertSearchAttributes([...values]);
      last = text;
    },
    memo: (memo) => upsertMemo({ ...memo }),
  };
}

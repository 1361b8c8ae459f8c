import type { z } from 'zod';

type Plain<T> = T extends readonly (infer E)[] ? Plain<E>[] : T extends object ? { -readonly [K in keyof T]: Plain<T[K]> } : T;

/** Lets a schema pass only if what it parses to is `T` and nothing less: the compiler then keeps schema and model together. */
export function describes<T>(): <S extends z.ZodType>(
  schema: S & ([z.output<S>] extends [Plain<T>] ? ([Plain<T>] extends [z.output<S>] ? unknown : never) : never),
) => S {
  return (schema) => schema;
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { isThere } from './is-there.ts';

/**
 * Where in a step a test may stop it: before its effect, with the lock held and the effect to come, with a file written and not
 * yet under its name, while QEMU copies a disk or moves a guest, with the guest frozen, after the effect with its completion unreported.
 */
export type FaultPoint = 'before' | 'during' | 'halfway' | 'copying' | 'frozen' | 'after';

interface Hook {
  readonly directory: string;
  readonly step: string;
}

/** Set around each step by the interceptor when `faults` names a directory; nowhere else. */
export const faultHook = new AsyncLocalStorage<Hook>();

const pollMs = 10;

/**
 * Stops here while the file `<point>.<step>.<workflowId with / as _>` lies in the directory of faults, having written
 * `<file>.hit`: a test kills what it wants to kill at a moment that it knows. Does nothing when no directory is configured.
 */
export async function faultPoint(point: FaultPoint): Promise<void> {
  const hook = faultHook.getStore();
  if (hook === undefined) return;
  const { workflowExecution } = Context.current().info;
  const file = join(hook.directory, `${point}.${hook.step}.${workflowExecution?.workflowId.replaceAll('/', '_')}`);
  if (!(await isThere(file))) return;
  await mkdir(hook.directory, { recursive: true });
  await writeFile(`${file}.hit`, String(process.pid));
  while (await isThere(file)) await setTimeout(pollMs, undefined, { signal: Context.current().cancellationSignal });
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { activityInfo } from '@temporalio/activity';
import { adminContext, type DecodedContext, type RequestContext } from '../context.ts';
import { sentenceOf } from '../schema/parse.ts';
import { fail } from './fail.ts';

/** What came in the header of the activity that runs, or null when there was none. Set by the interceptor. */
export const decodedContext = new AsyncLocalStorage<DecodedContext | null>();

/** Who asked for what this activity does. Raises `InvalidRequest` when the header was no context. */
export function currentContext(): RequestContext {
  const decoded = decodedContext.getStore() ?? null;
  if (decoded === null) return adminContext(activityInfo().workflowExecution?.runId ?? 'none');
  if (!decoded.ok) throw fail('InvalidRequest', sentenceOf(decoded.fields), { fields: decoded.fields });
  return decoded.context;
}

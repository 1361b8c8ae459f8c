import type { FieldProblem } from './model/failure.ts';
import { lineOfText } from './schema/patterns.ts';

/** The Temporal header that carries the context: client → workflow → activities → child. */
export const contextHeader = 'novaflow-context';

/** Who asks, and by which request; it goes with everything that is done for it. */
export interface RequestContext {
  readonly userId: string;
  readonly projectId: string;
  readonly roles: readonly string[];
  readonly requestId: string;
  readonly isAdmin: boolean;
}

/** A context, or why what came in its place is none. */
export type DecodedContext =
  | { readonly ok: true; readonly context: RequestContext }
  | { readonly ok: false; readonly fields: readonly FieldProblem[] };

const maxRoles = 64;

/** The context of what nobody signed: clients without a header, and our own periodic work (Nova's `get_admin_context`). */
export function adminContext(requestId: string): RequestContext {
  return { userId: 'admin', projectId: 'admin', roles: ['admin'], requestId, isAdmin: true };
}

/** A context as the plain JSON that the header's payload holds. */
export function encodeContext({ userId, projectId, roles, requestId, isAdmin }: RequestContext): RequestContext {
  return { userId, projectId, roles: [...roles], requestId, isAdmin };
}

/**
 * Reads the header's JSON. A bad one is never taken for an absent one, which would make an administrator of its sender: `accept` refuses
 * the request with these fields. Fields that are not known are left out, since a context passes between processes of two releases.
 */
export function decodeContext(value: unknown): DecodedContext {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, fields: [{ field: contextHeader, message: 'must be one JSON object' }] };
  }
  const { userId, projectId, roles, requestId, isAdmin } = value as { readonly [K in keyof RequestContext]?: unknown };
  const problems: FieldProblem[] = [];
  const refuse = (field: keyof RequestContext, message: string) => problems.push({ field: `${contextHeader}.${field}`, message });
  if (!isLine(userId)) refuse('userId', oneLine);
  if (!isLine(projectId)) refuse('projectId', oneLine);
  if (!areRoles(roles)) refuse('roles', `must be a list of at most ${maxRoles} names of roles`);
  if (!isLine(requestId)) refuse('requestId', oneLine);
  if (typeof isAdmin !== 'boolean') refuse('isAdmin', 'must be true or false');
  return problems.length > 0 ? { ok: false, fields: problems } : { ok: true, context: encodeContext(value as RequestContext) };
}

/** What every log line says of who asked; nothing when there was no context. */
export function logFieldsOf(decoded: DecodedContext | null): { requestId?: string; userId?: string; projectId?: string } {
  if (decoded === null || !decoded.ok) return {};
  const { requestId, userId, projectId } = decoded.context;
  return { requestId, userId, projectId };
}

const oneLine = 'must be one line of 1 to 255 characters, without control characters';

function isLine(value: unknown): value is string {
  return typeof value === 'string' && lineOfText.test(value);
}

function areRoles(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= maxRoles && value.every(isLine);
}

import { refusalToRequest } from '../../model/permission.ts';
import { parseRequest, sentenceOf } from '../../schema/parse.ts';
import { type OperationName, type RequestOf, requests } from '../../schema/request.ts';
import { currentContext } from '../context.ts';
import { fail } from '../record-client.ts';

/** What every `accept` gets: the request as the client sent it, and the operation's first run. */
export interface AcceptInput {
  readonly request: unknown;
  /** The same after resets; it is also the id of what the operation makes when the client gives none. */
  readonly firstRunId: string;
}

/** The request as its schema has it. Raises `InvalidRequest` that names every field at fault, and `Forbidden` for what is an administrator's. */
export function parsed<Name extends OperationName>(name: Name, request: unknown): RequestOf<Name> {
  const result = parseRequest(requests[name], request);
  if (!result.ok) throw fail('InvalidRequest', sentenceOf(result.fields), { fields: result.fields });
  const asked = result.value as RequestOf<Name>;
  const refused = refusalToRequest(name, asked, currentContext());
  if (refused !== null) throw fail(refused.type, refused.message, refused.details);
  return asked;
}

/** An `InvalidRequest` for what only a look-up could tell. */
export function invalid(field: string, message: string): ReturnType<typeof fail> {
  return fail('InvalidRequest', `${field} ${message}`, { fields: [{ field, message }] });
}

import type { Refused } from './refused.ts';
import type { Requester } from './tenure.ts';

/** Operations of those who run the cloud. */
const ofAdministrators: ReadonlySet<string> = new Set([
  'createNetwork',
  'deleteNetwork',
  'enableHost',
  'disableHost',
  'drainHost',
  'fenceHost',
  'auditHost',
  'cacheImage',
  'migrateInstance',
  'liveMigrateInstance',
  'evacuateInstance',
  'adoptInstance',
  'verify',
]);

/** Fields by which a request chooses among hosts, which its tenant should not know. */
const fieldsOfAdministrators = ['host', 'hosts'] as const;

/** Why the request may not be made by this requester, or null. */
export function refusalToRequest(operation: string, request: object, { isAdmin }: Pick<Requester, 'isAdmin'>): Refused | null {
  if (isAdmin) return null;
  if (ofAdministrators.has(operation)) {
    return forbidden('novaflow-context.isAdmin', `must be true: ${operation} is an administrator's`);
  }
  const field = fieldsOfAdministrators.find((name) => name in request);
  if (field !== undefined) return forbidden(field, 'may be named by an administrator only: leave it out');
  const isMigration = operation === 'resizeInstance' && !('flavor' in request);
  return isMigration ? forbidden('flavor', 'must be given: a migration to another host is an administrator’s') : null;
}

/** Whether what belongs to a project is there for this requester. */
export function maySee({ isAdmin, projectId }: Pick<Requester, 'isAdmin' | 'projectId'>, owned: { readonly projectId: string }): boolean {
  return isAdmin || owned.projectId === projectId;
}

/** The same for what is another project's as for what was never there. */
export function unseen(instanceId: string): Refused {
  return { type: 'InstanceNotFound', message: `there is no instance ${instanceId}` };
}

function forbidden(field: string, message: string): Refused {
  return { type: 'Forbidden', message: `${field} ${message}`, details: { fields: [{ field, message }] } };
}

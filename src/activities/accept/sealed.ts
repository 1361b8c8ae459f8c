import { activityInfo } from '@temporalio/activity';
import { sealedWith } from '../../codec/sealed.ts';
import { type Secrets, secretFields } from '../../model/secrets.ts';
import { client, fail } from '../record-client.ts';

const wayOut =
  'send it by a client that has the codec (novaflow with codec.keyFile, temporal --codec-endpoint), take another secret, and remove this run: temporal workflow delete';

/**
 * Raises `InvalidRequest` when a request with secrets came as it is: the history of its run holds them for as long as it is kept, and no
 * step of ours can take them out. What was encrypted is known from the run's first event alone, which nothing later can change.
 */
export async function requireSealed(request: Secrets): Promise<void> {
  const fields = secretFields.filter((field) => request[field] !== undefined);
  if (fields.length === 0 || (await cameSealed())) return;
  const message = `was sent unencrypted and lies in the history in the clear: ${wayOut}`;
  throw fail('InvalidRequest', `${fields.join(', ')} ${message}`, { fields: fields.map((field) => ({ field, message })) });
}

async function cameSealed(): Promise<boolean> {
  const { workflowExecution, workflowNamespace } = activityInfo();
  const { history } = await client().workflowService.getWorkflowExecutionHistory({
    namespace: workflowNamespace ?? null,
    execution: workflowExecution ?? null,
    maximumPageSize: 1,
  });
  const [request] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return request !== undefined && sealedWith(request) !== null;
}

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';

/** How a run ended: the type of its failure with message and details, `Canceled`, or null when it completed. */
export async function endOf(handle: WorkflowHandle): Promise<{ type: string; message: string; details: unknown } | null> {
  try {
    await handle.result();
    return null;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause?.name === 'CancelledFailure') return { type: 'Canceled', message: cause.message, details: undefined };
    if (cause?.name === 'TerminatedFailure') return { type: 'Terminated', message: cause.message, details: undefined };
    const { type, message, details } = cause as unknown as { type: string; message: string; details: unknown[] };
    return { type, message, details: details?.[0] };
  }
}

/** The activities that a run has scheduled, in their order. */
export async function stepsOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
}

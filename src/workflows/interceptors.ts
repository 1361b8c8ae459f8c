import { setCurrentDetails, type WorkflowInterceptors } from '@temporalio/workflow';
import { contextHeader } from '../context.ts';
import { keepRequester, requesterFields, requesterLine } from './requester.ts';

/** Carries the request's context from the header of a run to its activities and children, its log lines and its details in the UI. */
export function interceptors(): WorkflowInterceptors {
  let context: Header | null = null;
  return {
    inbound: [
      {
        execute: (input, next) => {
          context = input.headers[contextHeader] ?? null;
          if (context !== null) keepRequester(context);
          const line = requesterLine();
          if (line !== null) setCurrentDetails(line);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next({ ...input, headers: withContext(input.headers, context) }),
        startChildWorkflowExecution: (input, next) => next({ ...input, headers: withContext(input.headers, context) }),
        continueAsNew: (input, next) => next({ ...input, headers: withContext(input.headers, context) }),
        getLogAttributes: (input, next) => next({ ...input, ...requesterFields() }),
      },
    ],
  };
}

type Headers = Parameters<NonNullable<NonNullable<WorkflowInterceptors['inbound']>[number]['execute']>>[0]['headers'];
type Header = NonNullable<Headers[string]>;

function withContext(headers: Headers, context: Header | null): Headers {
  return context === null ? headers : { ...headers, [contextHeader]: context };
}

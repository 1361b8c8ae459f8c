import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowClientInterceptor, type WorkflowStartInput } from '@temporalio/client';
import { type DataConverter, defaultPayloadConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { type KeyRing, noKeys, readKeyRing } from './codec/key-ring.ts';
import { payloadCodec } from './codec/payload-codec.ts';
import { contextHeader, encodeContext, type RequestContext } from './context.ts';

const payloadConverterPath = fileURLToPath(new URL('payload-converter.ts', import.meta.url));

/** The data converter of a process of ours with these keys; a client in another language needs one only to send a secret. */
export function dataConverterWith(keys: () => Promise<KeyRing>): DataConverter {
  return { payloadConverterPath, payloadCodecs: [payloadCodec(keys)] };
}

/** The data converter of a process without keys: it reads what is not encrypted, and sends no secret. */
export const dataConverter: DataConverter = dataConverterWith(async () => noKeys);

/** Lets every run that a client starts carry the context, in its header, and who asks in its memo, which the UI shows. */
export function contextInterceptor(context: RequestContext): WorkflowClientInterceptor {
  const { userId, requestId } = context;
  const header = defaultPayloadConverter.toPayload(encodeContext(context));
  const carrying = <Input extends WorkflowStartInput>(input: Input): Input => ({
    ...input,
    headers: { ...input.headers, [contextHeader]: header },
    options: { ...input.options, memo: { ...input.options.memo, userId, requestId } },
  });
  return { startWithDetails: (input, next) => next(carrying(input)) };
}

/**
 * A client of the Temporal server that the environment or the user's Temporal configuration names (`TEMPORAL_ADDRESS`, profiles, TLS,
 * API key). Its keys are those of `codec.keyFile`, read when the first secret is sent.
 * What it starts is asked for by `context`; without one, by an administrator.
 */
export async function connectClient(context: RequestContext | null = null): Promise<Client> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions);
  return new Client({
    connection,
    dataConverter: dataConverterWith(configuredKeys),
    interceptors: { workflow: context === null ? [] : [contextInterceptor(context)] },
    ...(namespace === undefined ? {} : { namespace }),
  });
}

/** Loaded when they are needed: the schema of the settings takes longer to load than a list to print. */
async function configuredKeys(): Promise<KeyRing> {
  const { loadConfig } = await import('./config.ts');
  return readKeyRing(loadConfig().codec.keyFile);
}

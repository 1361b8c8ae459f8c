/** What a request may say that only the guest may learn; it is called so wherever it is passed on. */
export const secretFields = ['adminPassword', 'userData', 'files'] as const;

/** A file for the guest. */
export interface SecretFile {
  /** Absolute, in the guest. */
  readonly path: string;
  readonly contentsBase64: string;
}

/** The secrets of a request: they reach the config drive and nothing else. */
export interface Secrets {
  readonly adminPassword?: string;
  /** Base64, as Nova takes it. */
  readonly userData?: string;
  readonly files?: readonly SecretFile[];
}

/** The secret of a request for a new password: it reaches the guest's agent and nothing else. */
export type NewPassword = Required<Pick<Secrets, 'adminPassword'>>;

/** The fields by which one step hands a request's secrets to the next. */
const carriers = ['request', 'secrets'] as const;

/** Whether a payload of this content may not be written down as it is: it is a request with secrets, or passes them on. */
export function holdsSecret(content: unknown): boolean {
  return namesSecret(content) || carriers.some((carrier) => isObject(content) && namesSecret(content[carrier]));
}

/** The secrets in a request and nothing else of it. */
export function secretsOf({ adminPassword, userData, files }: Secrets): Secrets {
  return {
    ...(adminPassword === undefined ? {} : { adminPassword }),
    ...(userData === undefined ? {} : { userData }),
    ...(files === undefined ? {} : { files }),
  };
}

/** By name alone: a secret of a wrong form, which will be refused, is one too. */
function namesSecret(value: unknown): boolean {
  return isObject(value) && secretFields.some((field) => Object.hasOwn(value, field));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

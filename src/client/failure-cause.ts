/** The usual failures of a connection. */
const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the host',
  ETIMEDOUT: 'the host does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
};

/** Why a call got no answer. `fetch` itself only says "fetch failed". */
export function describeError(error: unknown): string {
  const inner = innermost(error);
  return IN_WORDS[codeOf(inner) ?? ''] ?? inner.message;
}

/** The code and the text of an error, without the frames and fields of Node's own errors. */
export function brief(error: unknown): { readonly code?: string; readonly message: string } {
  const inner = innermost(error);
  const code = codeOf(inner);
  return code === undefined ? { message: inner.message } : { code, message: inner.message };
}

interface Failure {
  readonly message: string;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The error behind a chain of causes. For a host name with several addresses, Node collects one error each. */
export function innermost(error: unknown): Failure {
  if (!isFailure(error)) return { message: String(error) };
  const first: unknown = Array.isArray(error.errors) ? error.errors[0] : undefined;
  if (isFailure(first)) return innermost(first);
  return isFailure(error.cause) ? innermost(error.cause) : error;
}

/** Not `instanceof`: the error may come from another realm. */
function isFailure(error: unknown): error is Failure {
  return (
    typeof error === 'object' && error !== null && typeof (error as Partial<Failure>).message === 'string'
  );
}

function codeOf({ code }: Failure): string | undefined {
  return typeof code === 'string' ? code : undefined;
}

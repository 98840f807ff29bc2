import { afterwards, type Milliseconds } from './steady-clock.js';

/** Resolves after this time, or rejects with the reason of the signal. */
export function pause(length: Milliseconds, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(reasonOf(signal));
      return;
    }
    const stop = (): void => {
      cancel();
      reject(reasonOf(signal));
    };
    const cancel = afterwards(length, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}

export interface Limited {
  readonly signal: AbortSignal;
  /** The time begins anew. */
  readonly restart: () => void;
  /** Lets go of the timer and of the outer signal. */
  readonly end: () => void;
}

/**
 * A signal that fires with an outer one, or after this time. `AbortSignal.any` would do the same and keep a listener on
 * an outer signal that lives for the life of the process.
 */
export function limitedSignal(limit: Milliseconds, outer?: AbortSignal): Limited {
  const controller = new AbortController();
  let cancel: () => void = () => undefined;
  const restart = (): void => {
    cancel();
    cancel = afterwards(limit, () => {
      controller.abort(new DOMException('No answer came in time', 'TimeoutError'));
    });
  };
  restart();
  const follow = (): void => {
    controller.abort(outer?.reason);
  };
  if (outer?.aborted) follow();
  outer?.addEventListener('abort', follow, { once: true });
  const end = (): void => {
    cancel();
    outer?.removeEventListener('abort', follow);
  };
  return { signal: controller.signal, restart, end };
}

/** The reason of a signal that has fired, as an error. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}

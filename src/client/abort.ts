import { afterwards, type Milliseconds } from './steady-clock.js';

/** Resolves after this time; rejects with the signal's reason when the signal fires first. */
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
  /** Restarts the time limit. */
  readonly restart: () => void;
  /** Releases the timer and the listener on the outer signal. */
  readonly end: () => void;
}

/**
 * A signal that fires with an outer one or after this time. `AbortSignal.any` would leave a listener on an outer signal
 * that may live as long as the process.
 */
export function limitedSignal(limit: Milliseconds, outer?: AbortSignal): Limited {
  const controller = new AbortController();
  let cancel: () => void = () => undefined;
  const restart = (): void => {
    cancel();
    cancel = afterwards(limit, () => {
      controller.abort(new DOMException('The service did not answer in time', 'TimeoutError'));
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

/** The reason of a fired signal, as an error. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** Milliseconds of a monotonic clock. Only differences have a meaning. */
export type Milliseconds = number;

export function steadyNow(): Milliseconds {
  return performance.now();
}

/** The same, on one scale for all threads of a Node process. The scale of `steadyNow` differs per thread. */
export function sharedNow(): Milliseconds {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Node's timers use a signed 32-bit integer and fire at once beyond it. */
const LONGEST_TIMER: Milliseconds = 2 ** 31 - 1;

/** Calls `act` after this time, however long; never when it is infinite. Call the result to cancel. */
export function afterwards(length: Milliseconds, act: () => void): () => void {
  const end = steadyNow() + Math.max(0, length);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    const left = end - steadyNow();
    timer = left > LONGEST_TIMER ? setTimeout(wait, LONGEST_TIMER) : setTimeout(act, left);
  };
  wait();
  return () => clearTimeout(timer);
}

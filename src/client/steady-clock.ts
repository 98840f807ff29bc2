/** Milliseconds on a clock that nobody can set: only differences mean something. */
export type Milliseconds = number;

export function steadyNow(): Milliseconds {
  return performance.now();
}

/** The same on a clock that all threads of a Node process share: that of `steadyNow` begins anew in each. */
export function sharedNow(): Milliseconds {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Node fires a timer that is set for longer at once: it counts in a signed 32-bit integer. */
const LONGEST_TIMER: Milliseconds = 2 ** 31 - 1;

/** Calls back after this time, however long it is; never when it is infinite. The answer cancels it. */
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

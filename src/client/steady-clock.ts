/** Milliseconds on a clock that nobody can set: only differences mean something. */
export type Milliseconds = number;

export function steadyNow(): Milliseconds {
  return performance.now();
}

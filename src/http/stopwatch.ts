/** Milliseconds on a monotonic scale, for measuring durations; never for deadlines. */
export function stopwatch(): number {
  return performance.now();
}

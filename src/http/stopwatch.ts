/** Milliseconds on a scale that only runs forward: for how long something took, never for a deadline. */
export function stopwatch(): number {
  return performance.now();
}

import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;
const LIMIT_MS = 100_000;

/** Resolves when the condition holds; gives up before the time-out of a test does, so that nothing asks for ever. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It did not come true within ${LIMIT_MS} ms: ${condition}`);
    await delay(POLL_MS);
  }
}

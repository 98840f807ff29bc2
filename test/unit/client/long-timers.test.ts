import { setTimeout as delay } from 'node:timers/promises';
import { limitedSignal, pause } from '../../../src/client/abort.js';

/** Node fires a timer that is set for longer than 2^31 ms after 1 ms, so before one of 2 ms that was set later. */
const OVERFLOWS = [2 ** 31, 1e15, Infinity];

describe('a time beyond the longest timer of Node', () => {
  it.each(OVERFLOWS)('ends no call early: %d ms', async (length) => {
    const limited = limitedSignal(length);
    limited.restart();
    await delay(2);
    expect(limited.signal.aborted).toBe(false);
    limited.end();
  });

  it.each(OVERFLOWS)('can be slept through and interrupted: %d ms', async (length) => {
    const stop = new AbortController();
    let isOver = false;
    const paused = pause(length, stop.signal).finally(() => (isOver = true));
    await delay(2);
    expect(isOver).toBe(false);
    stop.abort(new Error('stopped'));
    await expect(paused).rejects.toThrow('stopped');
  });
});

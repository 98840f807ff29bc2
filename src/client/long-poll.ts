import { WaitTimeout } from './errors.js';
import { steadyNow } from './steady-clock.js';
import type { Call } from './transport.js';

/** Sends a call; the answer, parsed. */
export type Send = (call: Call) => Promise<unknown>;

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Seconds to wait at most; without it, until the end. */
  readonly timeout?: number;
}

export interface Awaited<Answer> extends WaitOptions {
  readonly path: string;
  /** What a person calls it. */
  readonly name: string;
  readonly isEnd: (answer: Answer) => boolean;
}

const LONGEST_POLL_SECONDS = 30;

/** Asks with `wait` until the answer is an end. @throws WaitTimeout */
export async function waitForEnd<Answer extends { readonly status: string }>(
  send: Send,
  { path, name, isEnd, timeout = Number.POSITIVE_INFINITY, signal }: Awaited<Answer>,
): Promise<Answer> {
  const end = steadyNow() + timeout * 1000;
  for (;;) {
    const left = Math.max(0, (end - steadyNow()) / 1000);
    const wait = Math.round(Math.min(LONGEST_POLL_SECONDS, left) * 1000) / 1000;
    const answer = (await send({ method: 'GET', path, query: { wait }, wait, signal })) as Answer;
    if (isEnd(answer)) return answer;
    if (steadyNow() >= end) throw new WaitTimeout(`${name} is still ${answer.status} after ${timeout} s`);
  }
}

import { pause } from './abort.js';
import type { Read } from './answers.js';
import { WaitTimeout } from './errors.js';
import { steadyNow } from './steady-clock.js';
import type { Call } from './transport.js';

/** Sends a call and parses its answer with `read`. */
export type Send = <Answer>(call: Call, read: Read<Answer>) => Promise<Answer>;

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Maximum wait in seconds; unlimited by default. */
  readonly timeout?: number;
}

export interface Awaited<Answer> extends WaitOptions {
  readonly path: string;
  /** A name for error messages. */
  readonly name: string;
  readonly isEnd: (answer: Answer) => boolean;
}

const LONGEST_POLL_SECONDS = 30;
/** A service that is shutting down answers long polls at once. */
const EARLY_ANSWER_MS = 250;

/** Polls with `wait` until the state is final. @throws WaitTimeout */
export async function waitForEnd<Answer extends { readonly status: string }>(
  send: (call: Call) => Promise<Answer>,
  { path, name, isEnd, timeout = Number.POSITIVE_INFINITY, signal }: Awaited<Answer>,
): Promise<Answer> {
  const end = steadyNow() + timeout * 1000;
  for (;;) {
    const askedAt = steadyNow();
    const left = Math.max(0, (end - askedAt) / 1000);
    const wait = Math.round(Math.min(LONGEST_POLL_SECONDS, left) * 1000) / 1000;
    const answer = await send({ method: 'GET', path, query: { wait }, wait, signal });
    if (isEnd(answer)) return answer;
    const now = steadyNow();
    if (now >= end) throw new WaitTimeout(`${name} is still ${answer.status} after ${timeout} s`);
    if (now - askedAt < EARLY_ANSWER_MS) await pause(EARLY_ANSWER_MS, signal);
  }
}

import { plural } from './format.js';
import { type Html, html } from './html.js';

/** What an action says when it is done. The address holds only its name and a number, never a text to show. */
const NOTICES = {
  cancelled: (count: number) => `${plural(count, 'task')} cancelled.`,
  redriven: (count: number) => `${plural(count, 'task')} redriven: back in the queue, with fresh budgets.`,
  purged: (count: number) => `${plural(count, 'task')} removed for good.`,
  paused: () => 'The queue hands out nothing until it is resumed.',
  unpaused: () => 'The queue hands out its tasks again.',
  limited: () => 'The limits are set.',
  drained: () => 'The worker is told to stop: it may finish what it holds and gets nothing more.',
  resumed: () => 'The worker gets tasks again.',
  unknown_task: () =>
    'No task is called that. Ids are matched whole, and ended tasks are kept for a time only.',
} as const satisfies Record<string, (count: number) => string>;

export type NoticeName = keyof typeof NOTICES;

/** The address to go to after an action, which tells there what was done. */
export function withNotice(address: string, name: NoticeName, count = 1): string {
  return `${address}${address.includes('?') ? '&' : '?'}done=${name}&count=${count}`;
}

/** What the address says was done. */
export function noticeOf(address: string): Html | undefined {
  const query = new URLSearchParams(address.split('?')[1] ?? '');
  const name = query.get('done') ?? '';
  const count = Number(query.get('count') ?? 1);
  if (!isNotice(name) || !Number.isSafeInteger(count) || count < 0) return undefined;
  return html`<p class="notice" role="status">${NOTICES[name](count)}</p>`;
}

function isNotice(name: string): name is NoticeName {
  return Object.hasOwn(NOTICES, name);
}

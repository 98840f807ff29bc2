import { plural } from './format.js';
import { type Html, html } from './html.js';

/** What an action says when it is done. The address holds only its name and a number, never a text to show. */
const NOTICES = {
  cancelled: (count: number) => `${plural(count, 'task')} cancelled.`,
  redriven: (count: number) => `${plural(count, 'task')} redriven.`,
  purged: (count: number) => `${plural(count, 'task')} removed.`,
  paused: () => 'Queue paused.',
  unpaused: () => 'Queue resumed.',
  limited: () => 'Limits saved.',
  drained: () => 'Worker draining: it finishes its tasks and gets no more.',
  resumed: () => 'Worker resumed.',
  unknown_task: () =>
    'No task has this id. Enter the whole id; ended tasks are removed after their retention.',
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

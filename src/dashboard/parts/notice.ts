import { plural } from './format.js';
import { type Html, html } from './html.js';

/** Messages after an action. The address carries only the name and a number, never a text to show. */
const NOTICES = {
  cancelled: (count: number) => `${plural(count, 'task')} cancelled.`,
  redriven: (count: number) => `${plural(count, 'task')} redriven.`,
  released: (count: number) => `${plural(count, 'task')} released.`,
  prioritized: (count: number) => `Priority of ${plural(count, 'task')} changed.`,
  deleted: (count: number) => `${plural(count, 'task')} deleted.`,
  enqueued: () => 'Task enqueued.',
  replayed: () => 'This task exists already, with the same content.',
  saved: () => 'Schedule saved.',
  unscheduled: () => 'Schedule deleted.',
  triggered: () => 'Task of the schedule enqueued.',
  redelivered: () => 'The webhook is sent again.',
  purged: (count: number) => `${plural(count, 'task')} removed.`,
  paused: () => 'Queue paused.',
  unpaused: () => 'Queue resumed.',
  limited: () => 'Limits saved.',
  drained: () => 'Worker draining: it finishes its tasks and gets no more.',
  resumed: () => 'Worker resumed.',
} as const satisfies Record<string, (count: number) => string>;

export type NoticeName = keyof typeof NOTICES;

/** The address to go to after an action; it carries the notice. */
export function withNotice(address: string, name: NoticeName, count = 1): string {
  return `${address}${address.includes('?') ? '&' : '?'}done=${name}&count=${count}`;
}

/** The notice that the address carries. */
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

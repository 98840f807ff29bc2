import type { Section } from './parts/layout.js';

/** The pages of the navigation, in order. */
export const SECTIONS: readonly Section[] = [
  { path: '/dashboard', title: 'Overview', key: 'o' },
  { path: '/dashboard/queues', title: 'Queues', key: 'q' },
  { path: '/dashboard/tasks', title: 'Tasks', key: 't' },
  { path: '/dashboard/dead-letters', title: 'Dead letters', key: 'd' },
  { path: '/dashboard/batches', title: 'Batches', key: 'b' },
  { path: '/dashboard/workers', title: 'Workers', key: 'w' },
  { path: '/dashboard/schedules', title: 'Schedules', key: 's' },
  { path: '/dashboard/webhooks', title: 'Webhooks', key: 'h' },
  { path: '/dashboard/events', title: 'Events', key: 'e' },
];

import type { Section } from './parts/layout.js';

/** The pages of the navigation, in order. */
export const SECTIONS: readonly Section[] = [
  { path: '/dashboard', title: 'Overview' },
  { path: '/dashboard/queues', title: 'Queues' },
  { path: '/dashboard/tasks', title: 'Tasks' },
  { path: '/dashboard/dead-letters', title: 'Dead letters' },
  { path: '/dashboard/batches', title: 'Batches' },
  { path: '/dashboard/workers', title: 'Workers' },
  { path: '/dashboard/schedules', title: 'Schedules' },
  { path: '/dashboard/events', title: 'Events' },
];

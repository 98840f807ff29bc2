import type { Section } from './parts/layout.js';

/** The pages that the navigation leads to, in its order. */
export const SECTIONS: readonly Section[] = [
  { path: '/dashboard', title: 'Overview' },
  { path: '/dashboard/tasks', title: 'Tasks' },
  { path: '/dashboard/dead-letters', title: 'Dead letters' },
];

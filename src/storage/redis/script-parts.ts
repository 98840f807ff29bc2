/** Parts of every script that changes what waits and in which order, see the headers there. */
export const WAITING = [
  'notes',
  'counters',
  'totals',
  'lanes',
  'signatures',
  'ages',
  'rings',
  'parking',
] as const;

/** Parts of every script that changes where tasks are found. */
export const WRITING = ['record', ...WAITING, 'ready', 'admit', 'batch', 'index', 'mend'] as const;

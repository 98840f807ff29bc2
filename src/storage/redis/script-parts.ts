/** Parts of every script that reads tasks, see the headers there. */
export const READING = ['marks', 'record'] as const;

/** Parts of every script that changes what waits and in which order. */
export const WAITING = [
  ...READING,
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
export const WRITING = [...WAITING, 'ready', 'admit', 'batch', 'index', 'mend'] as const;

/** Parts of every script that may give the id of a cleared task to another one, or removes what was cleared. */
export const RECLAIMING = [...WRITING, 'reclaimed'] as const;

/** Parts of every script that changes where tasks are found, see the headers there. */
export const WRITING = [
  'record',
  'counters',
  'notes',
  'lanes',
  'rings',
  'parking',
  'ready',
  'admit',
  'batch',
  'index',
] as const;

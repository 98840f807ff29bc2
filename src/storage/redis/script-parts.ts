/** Parts of every script that changes where tasks are found, see the headers there. */
export const WRITING = ['record', 'notes', 'lanes', 'rings', 'parking', 'ready', 'admit', 'index'] as const;

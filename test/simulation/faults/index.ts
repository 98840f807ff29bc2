import type { Fault } from './fault.js';

/** Every fault that is planted. */
export const FAULTS: readonly Fault[] = [];

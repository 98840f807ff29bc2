/** `import { Client, Worker } from 'crucible-queue/client'`: the API as methods, and a worker. */
export type * from './api.generated.js';
export {
  type CallOptions,
  type ClaimAnswer,
  Client,
  type ClientOptions,
  type EnqueueAllOptions,
  type Held,
  isEnded,
  type ListFilter,
  type Patient,
  type TaskInput,
  type WaitOptions,
} from './client.js';
export * from './errors.js';
export type { Call, Query } from './transport.js';
export * from './verdicts.js';
export type { Handler, TaskContext } from './attempt.js';
export { type RunOptions, type RunSummary, Worker, type WorkerEvent, type WorkerOptions } from './worker.js';

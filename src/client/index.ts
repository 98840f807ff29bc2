/** `import { Client, Worker } from 'crucible-queue/client'`: the API as methods, and a worker. */
export type * from './api.generated.js';
export type { ArtifactCalls, ArtifactContent, ArtifactOptions, SentArtifact } from './artifact-calls.js';
export type { BatchCalls } from './batch-calls.js';
export type { ClaimAnswer, HeldTask } from './answers.js';
export {
  type BatchOptions,
  Client,
  type ClientOptions,
  type EnqueueAllOptions,
  type Held,
  isEnded,
  type LogChunk,
  type ListFilter,
  type Patient,
  type RemovalFilter,
  type TaskInput,
} from './client.js';
export * from './errors.js';
export type { EventFilter, EventOptions, EventReset, TaskEvent } from './event-stream.js';
export { JsonText } from './json-text.js';
export type { FollowOptions, LogPart, LogQuery } from './log-reader.js';
export { NoHeartbeatThread } from './heartbeat-thread.js';
export { LateHeartbeat } from './lease-keeper.js';
export type { WaitOptions } from './long-poll.js';
export type { QueueCalls } from './queue-calls.js';
export type { ScheduleCalls } from './schedule-calls.js';
export type { Call, CallOptions, Query } from './transport.js';
export * from './verdicts.js';
export type { Handler, TaskContext } from './attempt.js';
export {
  type RunOptions,
  type RunSummary,
  type StopSignal,
  Worker,
  type WorkerEvent,
  type WorkerOptions,
} from './worker.js';
export type { WebhookCalls } from './webhook-calls.js';
export type { WorkerCalls } from './worker-calls.js';

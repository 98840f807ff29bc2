/**
 * The API for extensions: `import { … } from 'crucible-queue/extension'`. Everything else in the package can change
 * between versions. See `docs/extending.md`.
 */
export { CurrentPrincipal, Public, Roles } from './auth/access.decorator.js';
export { mayUseQueue, type Principal, type Role } from './auth/principal.js';
export { Config } from './config/config.js';
export { QueueModule } from './queue/queue.module.js';
export { type Enqueued, type PlacedTask, QueueService, type TaskDraft } from './queue/queue.service.js';
export type { Committed, Move, StoreWatcher } from './storage/former-names.js';
export { TaskStore } from './storage/task-store.js';
export type { CommittedTransition, TransitionSummary, TransitionWatcher } from './storage/transitions.js';
export { Clock, type Instant, type Moment, type Seconds } from './task/clock.js';
export type { Attempt, FinishedTask, Task, TaskSpec, TransitionType } from './task/task.js';
export type { TaskState } from './task/task-state.js';

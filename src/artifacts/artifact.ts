import type { Instant } from '../task/clock.js';
import type { Task } from '../task/task.js';
import type { ByteKey } from './byte-store.js';

/** A file that an attempt of a task left. */
export interface Artifact {
  readonly name: string;
  readonly size: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly contentType: string;
  /** The attempt that sent it last. */
  readonly attempt: number;
  readonly createdAt: Instant;
  readonly key: ByteKey;
}

/** Distinguishes a task from an earlier or later one with the same id. */
export interface TaskIdentity {
  readonly id: string;
  readonly queue: string;
  readonly createdAt: Instant;
}

/** All artifacts of a task, as one document in the store of tasks. */
export interface ArtifactList {
  readonly task: TaskIdentity;
  /** By name. */
  readonly artifacts: readonly Artifact[];
}

export function identityOf({ spec, createdAt }: Task): TaskIdentity {
  return { id: spec.id, queue: spec.queue, createdAt };
}

export function isSameTask(one: TaskIdentity, other: TaskIdentity): boolean {
  return one.id === other.id && one.queue === other.queue && one.createdAt === other.createdAt;
}

export function bytesIn({ artifacts }: Pick<ArtifactList, 'artifacts'>): number {
  return artifacts.reduce((sum, { size }) => sum + size, 0);
}

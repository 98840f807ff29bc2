import { Injectable } from '@nestjs/common';
import { generationOf } from '../auth/lease-ids.js';
import { Config } from '../config/config.js';
import { type JsonText, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import {
  complete,
  fail,
  type Failure,
  heartbeat,
  type Heartbeat,
  release,
  type Release,
  requireLease,
} from '../task/task.machine.js';
import { LeaseLost, LeaseRequired, TaskNotFound } from '../task/task.errors.js';
import type { ProcessingTask, Task } from '../task/task.js';
import { sizeOf, withCheckpoint } from './checkpoint-change.js';
import type { TaskGuard } from './queue-access.js';
import { OutageJudge } from './outage-judge.js';
import { type Decide, guarded, TaskChanger } from './task-changer.js';

export interface CompletedResult {
  readonly status: 'completed';
  readonly leaseId: string | undefined;
  readonly output: JsonText | undefined;
}

/** A checkpoint that a worker saves with a report. */
interface Saving {
  readonly checkpoint?: JsonText;
}

export interface FailedResult extends Omit<Failure, 'random' | 'isSpared' | 'checkpointBytes'>, Saving {
  readonly status: 'failed';
}

export interface SavingHeartbeat extends Omit<Heartbeat, 'checkpointBytes'>, Saving {}

export interface SavingRelease extends Omit<Release, 'checkpointBytes'>, Saving {}

/** The result of an attempt. */
export type TaskResult = CompletedResult | FailedResult;

/** The task and the lease of a report. */
interface Report {
  readonly id: string;
  readonly leaseId?: string | undefined;
}

/** The task was never claimed: the lease belongs to an earlier task with the same id. */
class NeverHeld extends LeaseLost {
  override get name(): string {
    return LeaseLost.name;
  }
}

/** Detects a lease of an earlier task with the same id. */
function ofThisTask(decide: Decide): Decide {
  return (task, now) => {
    try {
      return decide(task, now);
    } catch (error) {
      throw error instanceof LeaseLost && task.attempt === 0
        ? new NeverHeld(task.spec.id, error.reason)
        : error;
    }
  };
}

/** The reports of workers about the tasks they hold. */
@Injectable()
export class WorkService {
  constructor(
    private readonly store: TaskStore,
    private readonly changer: TaskChanger,
    private readonly config: Config,
    private readonly outages: OutageJudge,
  ) {}

  /** @throws TaskNotFound, LeaseLost, LeaseRequired, NotClaimed, TaskEnded */
  finish(id: string, result: TaskResult, guard: TaskGuard): Promise<Task> {
    return this.changer
      .change(id, guarded(guard, ofThisTask(this.decideFinish(result))))
      .catch(async (error: unknown) => {
        throw await this.errorForHolder({ id, leaseId: result.leaseId }, error);
      });
  }

  /** Reports all in one durable commit, each with its own result. */
  async finishAll(
    results: readonly (TaskResult & { id: string })[],
    guard: TaskGuard,
  ): Promise<PromiseSettledResult<Task>[]> {
    const outcomes = await this.changer.changeAll(
      results.map((result) => ({
        id: result.id,
        decide: guarded(guard, ofThisTask(this.decideFinish(result))),
      })),
    );
    return Promise.all(outcomes.map((outcome, index) => this.outcomeForHolder(results[index], outcome)));
  }

  /**
   * The task, while this lease holds it.
   *
   * @throws LeaseLost, TaskNotFound
   */
  async requireHeld(id: string, leaseId: string, guard: TaskGuard): Promise<ProcessingTask> {
    const decide = guarded(
      guard,
      ofThisTask((task, now) => ({ task: requireLease(task, leaseId, now) })),
    );
    try {
      const task = await this.store.find(id);
      if (task === undefined) throw new TaskNotFound(id);
      return decide(task, this.store.clock.now())?.task as ProcessingTask;
    } catch (error) {
      throw await this.errorForHolder({ id, leaseId }, error);
    }
  }

  /** @throws LeaseLost, TaskNotFound */
  async heartbeat(id: string, beat: SavingHeartbeat, guard: TaskGuard): Promise<ProcessingTask> {
    const [result] = await this.heartbeatAll([{ ...beat, id }], guard);
    if (result?.status !== 'fulfilled') throw result?.reason as Error;
    return result.value;
  }

  /** Extends all, each with its own result. */
  async heartbeatAll(
    beats: readonly (SavingHeartbeat & { id: string })[],
    guard: TaskGuard,
  ): Promise<PromiseSettledResult<ProcessingTask>[]> {
    const results = await this.changer.changeAll(
      beats.map((beat) => ({
        id: beat.id,
        decide: guarded(
          guard,
          ofThisTask((task, now) => {
            const { checkpoint, ...given } = beat;
            const checkpointBytes = sizeOf(checkpoint);
            const extend = this.shorten(beat.extend);
            return withCheckpoint(
              task,
              { task: heartbeat(task, { ...given, extend, checkpointBytes }, now) },
              checkpoint,
            );
          }),
        ),
      })),
      { inSteps: true },
    );
    return Promise.all(
      results.map((result, index) =>
        this.outcomeForHolder(beats[index], result as PromiseSettledResult<ProcessingTask>),
      ),
    );
  }

  /** @throws LeaseLost, TaskNotFound */
  release(id: string, { checkpoint, ...given }: SavingRelease, guard: TaskGuard): Promise<Task> {
    return this.changer
      .change(
        id,
        guarded(
          guard,
          ofThisTask((task, now) => {
            const transition = release(task, { ...given, checkpointBytes: sizeOf(checkpoint) }, now);
            return transition && withCheckpoint(task, transition, checkpoint);
          }),
        ),
      )
      .catch(async (error: unknown) => {
        throw await this.errorForHolder({ id, leaseId: given.leaseId }, error);
      });
  }

  private decideFinish(result: TaskResult): Decide {
    return (task, now) => {
      if (this.config.REQUIRE_LEASE_ID && result.leaseId === undefined) throw new LeaseRequired(task.spec.id);
      if (result.status === 'completed') {
        const transition = complete(task, result, now);
        return transition && withCheckpoint(task, Object.assign(transition, { output: result.output }));
      }
      const { checkpoint, ...failure } = result;
      const checkpointBytes = sizeOf(checkpoint);
      const isSpared = this.outages.isOutage(task.spec.queue);
      const given = { ...failure, isSpared, checkpointBytes, random: Math.random() };
      const transition = fail(task, given, now);
      return transition && withCheckpoint(task, transition, checkpoint);
    };
  }

  private async outcomeForHolder<T>(
    report: Report | undefined,
    outcome: PromiseSettledResult<T>,
  ): Promise<PromiseSettledResult<T>> {
    if (outcome.status === 'fulfilled' || report === undefined) return outcome;
    return { status: 'rejected', reason: await this.errorForHolder(report, outcome.reason) };
  }

  /** The error for a holder: after a clear, `cleared` instead of an unknown task. */
  private async errorForHolder({ id, leaseId }: Report, error: unknown): Promise<unknown> {
    const isGone = error instanceof TaskNotFound || error instanceof NeverHeld;
    const generation = leaseId === undefined ? undefined : generationOf(leaseId);
    if (!isGone || generation === undefined) return error;
    return (await this.isCleared(generation)) ? new LeaseLost(id, 'cleared') : error;
  }

  /** Whether a clear removed the task; this process may not have heard of it yet. */
  private async isCleared(generation: number): Promise<boolean> {
    if (generation < this.store.generation) return true;
    try {
      return generation < (await this.store.latestGeneration());
    } catch {
      // The store is unavailable: answer with what was known before.
      return false;
    }
  }

  private shorten(extend: Seconds | undefined): Seconds | undefined {
    return extend === undefined ? undefined : Math.min(extend, this.config.MAX_LEASE_SECONDS);
  }
}

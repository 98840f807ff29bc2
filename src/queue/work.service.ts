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
import type { TaskGuard } from './queue-access.js';
import { type Decide, guarded, TaskChanger } from './task-changer.js';

export interface CompletedResult {
  readonly status: 'completed';
  readonly leaseId: string | undefined;
  readonly output: JsonText | undefined;
}

export interface FailedResult extends Omit<Failure, 'random'> {
  readonly status: 'failed';
}

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
  ) {}

  /** @throws TaskNotFound, LeaseLost, LeaseRequired, NotClaimed, TaskEnded */
  finish(id: string, result: TaskResult, guard: TaskGuard): Promise<Task> {
    return this.changer
      .change(id, guarded(guard, ofThisTask(this.decideFinish(result))))
      .catch(async (error: unknown) => {
        throw await this.told({ id, leaseId: result.leaseId }, error);
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
    return Promise.all(outcomes.map((outcome, index) => this.toldOf(results[index], outcome)));
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
      throw await this.told({ id, leaseId }, error);
    }
  }

  /** @throws LeaseLost, TaskNotFound */
  async heartbeat(id: string, beat: Heartbeat, guard: TaskGuard): Promise<ProcessingTask> {
    const [result] = await this.heartbeatAll([{ ...beat, id }], guard);
    if (result?.status !== 'fulfilled') throw result?.reason as Error;
    return result.value;
  }

  /** Extends all, each with its own result. */
  async heartbeatAll(
    beats: readonly (Heartbeat & { id: string })[],
    guard: TaskGuard,
  ): Promise<PromiseSettledResult<ProcessingTask>[]> {
    const results = await this.changer.changeAll(
      beats.map((beat) => ({
        id: beat.id,
        decide: guarded(
          guard,
          ofThisTask((task, now) => ({
            task: heartbeat(task, { ...beat, extend: this.shorten(beat.extend) }, now),
          })),
        ),
      })),
      { inSteps: true },
    );
    return Promise.all(
      results.map((result, index) =>
        this.toldOf(beats[index], result as PromiseSettledResult<ProcessingTask>),
      ),
    );
  }

  /** @throws LeaseLost, TaskNotFound */
  release(id: string, given: Release, guard: TaskGuard): Promise<Task> {
    return this.changer
      .change(
        id,
        guarded(
          guard,
          ofThisTask((task, now) => release(task, given, now)),
        ),
      )
      .catch(async (error: unknown) => {
        throw await this.told({ id, leaseId: given.leaseId }, error);
      });
  }

  private decideFinish(result: TaskResult): Decide {
    return (task, now) => {
      if (this.config.REQUIRE_LEASE_ID && result.leaseId === undefined) throw new LeaseRequired(task.spec.id);
      if (result.status === 'failed') return fail(task, { ...result, random: Math.random() }, now);
      const transition = complete(task, result, now);
      return transition && Object.assign(transition, { output: result.output });
    };
  }

  private async toldOf<T>(
    report: Report | undefined,
    outcome: PromiseSettledResult<T>,
  ): Promise<PromiseSettledResult<T>> {
    if (outcome.status === 'fulfilled' || report === undefined) return outcome;
    return { status: 'rejected', reason: await this.told(report, outcome.reason) };
  }

  /** The error for a holder: after a clear, `cleared` instead of an unknown task. */
  private async told({ id, leaseId }: Report, error: unknown): Promise<unknown> {
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

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { ProblemError } from '../http/problem.error.js';
import type { Caller } from '../queue/caller.js';
import { LOG_READ_BYTES } from '../storage/task-logs.js';
import type { Task } from '../task/task.js';
import type { ReadLogQuery } from './dto/log.query.js';
import { sendLog } from './log-reply.js';
import { type LogPlace, LogStreams } from './log-stream.js';
import { LogWaiters } from './log-waiters.js';
import { latestAttempt, LogService } from './log.service.js';

const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|,|$)/i;

export interface LogRead {
  readonly query: ReadLogQuery;
  /** The header `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
  readonly caller: Caller;
}

/** Answers reads of logs: with the bytes, or with a stream of events to a client that accepts one. */
@Injectable()
export class LogReplies {
  constructor(
    private readonly logs: LogService,
    private readonly waiters: LogWaiters,
    private readonly streams: LogStreams,
  ) {}

  /** @throws ProblemError `no_log`, `range_not_satisfiable`, `too_many_waiters` */
  async send(response: Response, task: Task, { query, lastEventId, caller }: LogRead): Promise<void> {
    const { headers, method } = response.req;
    const attempt = attemptOf(task, query.attempt);
    if (method !== 'HEAD' && EVENT_STREAM.test(headers.accept ?? '')) {
      const place = placeOf(lastEventId, task) ?? placeOf(query.last_event_id, task);
      this.streams.start(response, { task, place: place ?? { attempt, offset: query.offset }, caller });
      return;
    }
    const { offset, limit, wait } = query;
    const readsLater = method === 'HEAD' || headers.range !== undefined;
    const seconds = readsLater ? 0 : wait;
    const range = {
      attempt,
      offset,
      limit: readsLater ? 0 : Math.min(limit ?? LOG_READ_BYTES, LOG_READ_BYTES),
    };
    const view = await this.waiters.view(task, range, { seconds, caller });
    caller.requireEntry();
    await sendLog(response, { logs: this.logs, view }, { offset, limit, range: headers.range });
  }
}

/** @throws ProblemError `no_log` when the task has had no such attempt */
function attemptOf(task: Task, asked: number | undefined): number {
  const latest = latestAttempt(task);
  if (asked === undefined || asked <= latest) return asked ?? latest;
  throw new ProblemError('no_log', `Task ${task.spec.id} has no attempt ${asked} yet`);
}

/** Where a stream goes on; `undefined` for an id that it cannot have sent. */
function placeOf(id: string | undefined, task: Task): LogPlace | undefined {
  const [, attempt, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(id ?? '') ?? [];
  const isKnown = attempt !== undefined && Number(attempt) >= 1 && Number(attempt) <= latestAttempt(task);
  return isKnown ? { attempt: Number(attempt), offset: Number(offset) } : undefined;
}

import { Controller, Get, Headers, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import { mayUseQueue, type Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { QueryParams } from '../../http/query.decorator.js';
import { onAnswered } from '../../http/raw-reply.js';
import { ReadLogQuery } from '../../logs/dto/log.query.js';
import { LogReplies } from '../../logs/log-replies.js';
import { LogService } from '../../logs/log.service.js';
import type { Caller } from '../../queue/caller.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { callerOf } from '../../queue/http-caller.js';
import { seesPayloads } from '../../queue/queue-access.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { SessionGuard } from '../session/session.guard.js';
import { Sessions } from '../session/sessions.js';

/** Milliseconds until the end of a session ends its streams. */
const LOOK_MS = 5_000;

/** Logs, by session: as text, and as the stream that the log pane follows. */
@ApiExcludeController()
@Controller('dashboard/tasks/:eval_id/log')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardLogsController {
  constructor(
    private readonly logs: LogService,
    private readonly replies: LogReplies,
    private readonly sessions: Sessions,
  ) {}

  @Get()
  async read(
    @EvalId() id: string,
    @QueryParams(ReadLogQuery) query: ReadLogQuery,
    @CurrentPrincipal() principal: Principal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    if (!seesPayloads(principal)) throw new ProblemError('forbidden', 'Viewers do not see logs');
    const task = await this.logs.find(id, principal);
    const { queue } = task.spec;
    const mayRead = async () => {
      const now = await this.sessions.principalOf(request);
      return now !== undefined && seesPayloads(now) && mayUseQueue(now, queue);
    };
    await this.replies.send(response, task, { query, lastEventId, caller: sessionCaller(response, mayRead) });
  }
}

/** The client of this response, which is gone when its session has ended. */
function sessionCaller(response: Response, mayRead: () => Promise<boolean>): Caller {
  const caller = callerOf(response);
  let isOver = false;
  const timer = setInterval(() => {
    // An unavailable store says nothing about the session.
    void mayRead().then(
      (may) => (isOver = !may),
      () => undefined,
    );
  }, LOOK_MS);
  timer.unref();
  onAnswered(response, () => {
    clearInterval(timer);
  });
  return {
    ...caller,
    get isGone() {
      return isOver || caller.isGone;
    },
  };
}

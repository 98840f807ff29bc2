import { Controller, Get, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, LeaseCredential, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { BytesBody } from '../http/bytes-body.decorator.js';
import { QueryParams } from '../http/query.decorator.js';
import { EVAL_ID_PARAMETER } from '../queue/dto/field-docs.js';
import { EvalId } from '../queue/eval-id.decorator.js';
import { callerOf } from '../queue/http-caller.js';
import { APPENDED, LOG_EVENTS, LOG_TEXT } from './dto/log.examples.js';
import { AppendLogQuery, LOG_CHUNK_BYTES, ReadLogQuery } from './dto/log.query.js';
import { AppendedLog } from './dto/log.response.js';
import { LogReplies } from './log-replies.js';
import { LogService } from './log.service.js';

const LOG_HEADERS = apiHeaders('X-Log-Attempt', 'X-Log-Size', 'X-Log-First', 'X-Log-Ended', 'Accept-Ranges');

@ApiTags('evidence')
@Controller('tasks')
export class LogsController {
  constructor(
    private readonly logs: LogService,
    private readonly replies: LogReplies,
  ) {}

  @Post(':eval_id/log')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'appendLog',
    summary: 'Append to the log of an attempt',
    description:
      'Bytes of any kind, under the lease in `X-Lease-Id`. The service answers when they are durable. Send `offset`, ' +
      'and repeat a request whose answer was lost: bytes that are there already change nothing. After `log_offset`, ' +
      'continue at its `size`.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: AppendedLog, description: 'The bytes are in the log', examples: APPENDED })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_BODY,
    'task_not_found',
    'logs_off',
    'task_damaged',
    'lease_lost',
    'log_offset',
    'lease_required',
    'store_unavailable',
  )
  append(
    @EvalId() id: string,
    @QueryParams(AppendLogQuery) { offset, lease_id: leaseId }: AppendLogQuery,
    @BytesBody({ types: ['text/plain', 'application/octet-stream'], maxBytes: LOG_CHUNK_BYTES })
    bytes: Buffer,
    @CurrentPrincipal() principal: Principal,
  ): Promise<AppendedLog> {
    return this.logs.append(id, { principal, leaseId, offset, bytes });
  }

  @Get(':eval_id/log')
  @Roles('producer', 'worker')
  @ApiOperation({
    operationId: 'readLog',
    summary: 'Read or follow the log of an attempt',
    description:
      'The bytes as the worker sent them, of one attempt. `Range` works and replaces `offset` and `limit`. Only the last ' +
      '`LOG_MAX_BYTES` are kept: a read before `X-Log-First` begins there. With `Accept: text/event-stream` the answer ' +
      'is a stream of `log` events, which continues with later attempts and closes with `end` when the task has ended. ' +
      'The id of an event is the attempt and the offset behind its text. Bytes that are not UTF-8 are U+FFFD in events.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event that the client received; the stream continues after it',
    schema: { type: 'string', maxLength: 100 },
    example: '1:4096',
  })
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'One range of bytes that the attempt sent (RFC 9110)',
    schema: { type: 'string', maxLength: 100 },
    example: 'bytes=0-4095',
  })
  @ApiOkResponse({
    description: 'Bytes of the log, or a stream of events',
    headers: LOG_HEADERS,
    content: {
      'text/plain': { schema: { type: 'string', format: 'binary' }, example: LOG_TEXT },
      'text/event-stream': { schema: { type: 'string' }, example: LOG_EVENTS },
    },
  })
  @ApiResponse({
    status: 206,
    description: 'The range of `Range`',
    headers: { ...LOG_HEADERS, ...apiHeaders('Content-Range') },
    content: { 'text/plain': { schema: { type: 'string', format: 'binary' }, example: LOG_TEXT } },
  })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_QUERY,
    'task_not_found',
    'no_log',
    'logs_off',
    'task_damaged',
    'range_not_satisfiable',
    'too_many_waiters',
    'store_unavailable',
  )
  async read(
    @EvalId() id: string,
    @QueryParams(ReadLogQuery) query: ReadLogQuery,
    @CurrentPrincipal() principal: Principal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const task = await this.logs.find(id, principal);
    await this.replies.send(response, task, { query, lastEventId, caller: callerOf(response) });
  }
}

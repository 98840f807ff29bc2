import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { StoreUnavailable } from '../storage/task-store.js';
import { LeaseLost, TaskError } from '../task/task.errors.js';
import { sendLostPage, wantsPage } from './browser-page.js';
import { ClientGone } from './client-gone.error.js';
import { ProblemError } from './problem.error.js';
import { sendProblem } from './problem-writer.js';
import { type ProblemCode, PROBLEMS } from './problems.js';
import { requestIdOf } from './request-id.js';

/** Answers every thrown error as a problem. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    if (exception instanceof ClientGone) {
      response.destroy();
      return;
    }
    const problem = problemOf(exception);
    if (problem.code === 'internal_error') this.log(exception, request);
    if (response.headersSent && !response.writableEnded) response.destroy();
    else this.send(request, response, problem);
  }

  protected send(request: Request, response: Response, problem: ProblemError): void {
    if (problem.code === 'not_found' && wantsPage(request)) sendLostPage(request, response);
    else sendProblem(request, response, problem);
  }

  private log(exception: unknown, request: Request): void {
    const frames = exception instanceof Error ? (exception.stack ?? '').split('\n') : [];
    this.logger.error(
      `Request ${requestIdOf(request)} failed: ${describe(exception)}`,
      frames.filter((line) => /^\s+at /.test(line)).join('\n'),
    );
  }
}

/**
 * The text of an error for the log. Errors of the language mention only names in the code. Other messages may quote a
 * payload, so they are left out.
 */
function describe(exception: unknown): string {
  if (!(exception instanceof Error)) return `a thrown ${typeof exception}`;
  if (exception instanceof TypeError || exception instanceof ReferenceError) return String(exception);
  return 'code' in exception ? `${exception.name} ${String(exception.code)}` : exception.name;
}

/** The problem for a thrown value, also for one item of a bulk request. */
export function problemOf(exception: unknown): ProblemError {
  if (exception instanceof ProblemError) return exception;
  if (exception instanceof TaskError) return taskProblem(exception);
  if (exception instanceof StoreUnavailable) {
    const detail = 'The store is unavailable; try again in a moment';
    return new ProblemError('store_unavailable', detail, { applied: exception.applied });
  }
  const status = exception instanceof HttpException ? exception.getStatus() : statusOf(exception);
  return foreignProblem(status);
}

function taskProblem(error: TaskError): ProblemError {
  if (!isProblemCode(error.code)) return foreignProblem(500);
  const members = error instanceof LeaseLost ? { members: { reason: error.reason } } : {};
  return new ProblemError(error.code, error.message, members);
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** The status that Express and its middleware attach to their errors. */
function statusOf(exception: unknown): number {
  const isMarked =
    exception instanceof Error && 'status' in exception && typeof exception.status === 'number';
  return isMarked ? (exception.status as number) : 500;
}

/** The problem for an error of the framework, from its status only: the message may quote the request. */
function foreignProblem(status: number): ProblemError {
  switch (status) {
    case 401:
      return new ProblemError(
        'unauthorized',
        'Send a valid API key in X-API-Key, or as Authorization: Bearer',
      );
    case 403:
      return new ProblemError('forbidden', 'Use a key with the required role');
    case 404:
      return new ProblemError('not_found', 'There is no such path');
    case 405:
      return new ProblemError('method_not_allowed', 'The path does not support this method');
    case 413:
      return new ProblemError('too_large', 'Send a smaller request');
    case 415:
      return new ProblemError('unsupported_media_type', 'Send application/json as UTF-8');
    case 422:
      return new ProblemError('invalid_request', 'A field or parameter has a bad value');
    case 429:
      return new ProblemError('rate_limited', 'Wait before the next request');
    case 503:
      return new ProblemError('store_unavailable', 'The service cannot do this now; try again in a moment');
    default:
      return status >= 400 && status < 500
        ? new ProblemError('malformed_request', 'The request cannot be read')
        : new ProblemError(
            'internal_error',
            'The service failed; its log has the reason under this X-Request-Id',
          );
  }
}

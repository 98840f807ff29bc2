import { once } from 'node:events';
import type { Response } from 'express';
import { rangeIn } from '../http/byte-range.js';
import { finishReply } from '../http/raw-reply.js';
import { LOG_READ_BYTES } from '../storage/task-logs.js';
import type { LogService, LogView } from './log.service.js';

/** The request of a reader. */
export interface LogRequest {
  readonly offset: number;
  readonly limit: number | undefined;
  /** The header `Range`, which replaces offset and limit. */
  readonly range: string | undefined;
}

/**
 * Sends bytes of a log, a part at a time, so that memory stays flat.
 *
 * @param view the first read
 * @throws ProblemError `range_not_satisfiable`
 */
export async function sendLog(
  response: Response,
  { logs, view }: { readonly logs: LogService; readonly view: LogView },
  { offset, limit, range: header }: LogRequest,
): Promise<void> {
  const { attempt, first, size } = view;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('X-Log-Attempt', attempt);
  response.setHeader('X-Log-Size', size);
  response.setHeader('X-Log-First', first);
  response.setHeader('X-Log-Ended', String(view.isEnded));
  const range = rangeIn(header, size, first);
  const start = range?.from ?? Math.min(Math.max(offset, first), size);
  const end = range === undefined ? Math.min(start + (limit ?? size), size) : range.to + 1;
  response.statusCode = range === undefined ? 200 : 206;
  if (range !== undefined) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  response.setHeader('Content-Length', end - start);
  if (response.req.method === 'HEAD') response.end();
  else await sendBytes(response, { logs, view, start, end });
  finishReply(response);
}

interface Stretch {
  readonly logs: LogService;
  readonly view: LogView;
  readonly start: number;
  readonly end: number;
}

/** Cuts the connection if the bytes are dropped before they were sent: a shorter body would look complete. */
async function sendBytes(response: Response, { logs, view, start, end }: Stretch): Promise<void> {
  const { attempt } = view;
  let part = view;
  for (let offset = start; offset < end;) {
    const isRead = part.offset === offset && part.bytes.length > 0;
    const limit = Math.min(end - offset, LOG_READ_BYTES);
    if (!isRead) part = await logs.view(part.task, { attempt, offset, limit });
    if (part.offset !== offset || part.bytes.length === 0 || response.destroyed) {
      response.destroy();
      return;
    }
    offset += part.bytes.length;
    if (!response.write(part.bytes) && offset < end) await drained(response);
  }
  response.end();
}

async function drained(response: Response): Promise<void> {
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BufferedBytes } from './buffered-bytes.js';
import { ClientGone } from './client-gone.error.js';
import { invalidRequest, readDto } from './dto-reader.js';
import { type DtoPlan } from './dto-plan.js';
import { GrowingBuffer } from './growing-buffer.js';
import type { HttpLimits } from './http-limits.js';
import { JsonScanError, type ScanLimits, scanEnvelope } from './json-scanner.js';
import { ProblemError } from './problem.error.js';

/** An Express request with its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly limits: HttpLimits;
}

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;
const NDJSON_TYPE =
  /^application\/(?:x-ndjson|ndjson|jsonl)[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/** Reads the body as the DTO, or throws the problem to answer with. A missing body counts as `{}`. */
export async function readJsonBody<T extends object>(exchange: Exchange, plan: DtoPlan<T>): Promise<T> {
  requireType(exchange.request, isJson);
  return parseDto(await readText(exchange), plan, exchange.limits);
}

/** Parses a JSON document as the DTO; empty text counts as `{}`. */
export function parseDto<T extends object>(text: string, plan: DtoPlan<T>, limits: HttpLimits): T {
  const document = text === '' ? '{}' : text;
  return readDto(
    plan,
    refusing(() => scanEnvelope(document, plan.opaqueNames, scanLimits(limits))),
    limits,
  );
}

export function scanLimits(limits: HttpLimits): ScanLimits {
  return { maxDepth: limits.maxJsonDepth, maxKeys: limits.maxJsonKeys };
}

/** Turns a scanner error into a problem. */
export function refusing<R>(scan: () => R): R {
  try {
    return scan();
  } catch (error) {
    throw error instanceof JsonScanError ? scanProblem(error) : error;
  }
}

function scanProblem({ fault }: JsonScanError): ProblemError {
  switch (fault.kind) {
    case 'malformed':
      return new ProblemError('malformed_request', malformedDetail(fault.position));
    case 'not_object':
      return invalidRequest([{ pointer: '', detail: 'The body must be a JSON object' }]);
    case 'not_array':
      return invalidRequest([{ pointer: '', detail: 'The items must be in a JSON array' }]);
    case 'too_deep':
      return invalidRequest([
        { pointer: '', detail: 'The JSON document is nested deeper than MAX_JSON_DEPTH' },
      ]);
    case 'too_many_keys':
      return invalidRequest([
        { pointer: '', detail: 'The JSON document has more members than MAX_JSON_KEYS' },
      ]);
  }
}

function malformedDetail(position: number): string {
  const place = position < 0 ? 'it ends too early' : `unexpected text at character ${position + 1}`;
  return `The body is not valid JSON: ${place}`;
}

export function isJson(type: string): boolean {
  return type === 'application/json' || JSON_TYPE.test(type);
}

export function isNdjson(type: string): boolean {
  return NDJSON_TYPE.test(type);
}

/** Checks the content type. A request without a body needs none. */
export function requireType(request: IncomingMessage, isTaken: (type: string) => boolean): void {
  const { 'content-type': type, 'content-encoding': encoding } = request.headers;
  if (type === undefined ? hasBody(request) : !isTaken(type)) {
    throw new ProblemError(
      'unsupported_media_type',
      'Send the body as UTF-8 with Content-Type: application/json',
    );
  }
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ProblemError('unsupported_media_type', 'Send the body without a Content-Encoding');
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** The whole body; empty without a body. */
export async function readBody({ request, response, limits }: Exchange): Promise<Buffer> {
  if (!hasBody(request)) return Buffer.alloc(0);
  if (Number(request.headers['content-length'] ?? 0) > limits.maxBodyBytes) throw tooLarge(limits);
  if (request.headers.expect !== undefined) response.writeContinue();
  return readBytes({ request, response, limits });
}

/** The whole body as text; empty without a body. */
export async function readText(exchange: Exchange): Promise<string> {
  const body = await readBody(exchange);
  if (!isUtf8(body)) throw new ProblemError('malformed_request', 'The body is not valid UTF-8');
  return body.toString('utf8');
}

export function tooLarge(limits: HttpLimits): ProblemError {
  return new ProblemError('too_large', `The body must have at most ${limits.maxBodyBytes} bytes`, {
    headers: { Connection: 'close' },
  });
}

/** The memory limit is reached, and other clients sent their bodies faster. */
function tooSlow(): ProblemError {
  const detail = 'The service holds too many unfinished bodies; send the whole body at once';
  return new ProblemError('request_timeout', detail, { headers: { Connection: 'close' } });
}

function readBytes({ request, response, limits }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (request.destroyed) {
      reject(new ClientGone());
      return;
    }
    const body = new GrowingBuffer();
    // `close` also follows a completely read message.
    const refuse = () => {
      holding?.release();
      if (!request.readableEnded) reject(new ClientGone());
    };
    // The rest is read and discarded, so that the response reaches a client that is still sending.
    const stop = (problem: ProblemError) => {
      request.off('data', keep);
      request.resume();
      reject(problem);
    };
    const holding = BufferedBytes.of(response)?.holdBody(() => stop(tooSlow()));
    const keep = (chunk: Buffer) => {
      if (body.length + chunk.length > limits.maxBodyBytes) {
        holding?.release();
        stop(tooLarge(limits));
        return;
      }
      body.append(chunk);
      holding?.grow(body.capacity);
    };
    request
      .on('data', keep)
      .on('end', () => {
        holding?.release();
        resolve(body.take());
      })
      .on('error', refuse)
      .on('close', refuse);
  });
}

import type { Request, Response } from 'express';
import { readText } from '../http/body-reader.js';
import { HttpLimits } from '../http/http-limits.js';
import { ProblemError } from '../http/problem.error.js';

const LIMITS = new HttpLimits({ maxBodyBytes: 64 * 1024 });
const FORM_TYPE = /^application\/x-www-form-urlencoded\b/i;

/** Reads a submitted form. */
export async function readForm(request: Request, response: Response): Promise<URLSearchParams> {
  const type = request.headers['content-type'];
  if (type !== undefined && !FORM_TYPE.test(type)) {
    throw new ProblemError('unsupported_media_type', 'This route accepts forms of the dashboard only');
  }
  return new URLSearchParams(await readText({ request, response, limits: LIMITS }));
}

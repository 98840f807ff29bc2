import type { Request, Response } from 'express';
import { readText } from '../http/body-reader.js';
import { HttpLimits } from '../http/http-limits.js';
import { ProblemError } from '../http/problem.error.js';

const USUAL = new HttpLimits({ maxBodyBytes: 64 * 1024 });
/** The encoding of forms writes a byte of some texts as three. */
const ENCODED = 3;
const FORM_TYPE = /^application\/x-www-form-urlencoded\b/i;

/**
 * Reads a submitted form.
 *
 * @param limits of the API request that the form stands for; without them the form is a small one
 */
export async function readForm(
  request: Request,
  response: Response,
  limits?: HttpLimits,
): Promise<URLSearchParams> {
  const type = request.headers['content-type'];
  if (type !== undefined && !FORM_TYPE.test(type)) {
    throw new ProblemError('unsupported_media_type', 'This route accepts forms of the dashboard only');
  }
  const ofForm = limits && new HttpLimits({ maxBodyBytes: limits.maxBodyBytes * ENCODED });
  return new URLSearchParams(await readText({ request, response, limits: ofForm ?? USUAL }));
}

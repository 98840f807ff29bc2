import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Seconds } from '../../task/clock.js';

const NAME = 'crucible_session';

/** The session token that came with the request. */
export function cookieOf({ headers }: IncomingMessage): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === NAME && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** Gives the browser a session. No script can read it, and no other site can make a browser send it. */
export function setCookie(response: ServerResponse, token: string, length: Seconds): void {
  const secure = isSecure(response.req) ? '; Secure' : '';
  response.setHeader(
    'Set-Cookie',
    `${NAME}=${token}; Path=/dashboard; Max-Age=${length}; HttpOnly; SameSite=Strict${secure}`,
  );
}

export function clearCookie(response: ServerResponse): void {
  setCookie(response, '', 0);
}

/** What a proxy says of itself can be made up, by nobody but the client: it would only harm its own cookie. */
function isSecure({ socket, headers }: IncomingMessage): boolean {
  return socket instanceof TLSSocket || headers['x-forwarded-proto'] === 'https';
}

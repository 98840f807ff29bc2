import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Seconds } from '../../task/clock.js';

const NAME = 'crucible_session';

/**
 * The session tokens that came with the request. A browser sends several cookies of one name when they were set for
 * different paths or hosts; which of them is good is not for the order to decide.
 */
export function cookiesOf({ headers }: IncomingMessage): readonly string[] {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2));
  return pairs.flatMap(([name, value = '']) => (name === NAME && value !== '' ? [value] : []));
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

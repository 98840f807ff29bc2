import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { publicPath } from '../../http/public-path.js';
import type { Seconds } from '../../task/clock.js';

const NAME = 'crucible_session';

/**
 * The session tokens of the request. A browser sends several cookies of one name when they were set for different paths
 * or hosts, and their order says nothing about which one is valid.
 */
export function cookiesOf({ headers }: IncomingMessage): readonly string[] {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2));
  return pairs.flatMap(([name, value = '']) => (name === NAME && value !== '' ? [value] : []));
}

/** Sets the session cookie. Scripts cannot read it, and requests from other sites do not carry it. */
export function setCookie(response: ServerResponse, token: string, length: Seconds): void {
  const secure = isSecure(response.req) ? '; Secure' : '';
  response.setHeader(
    'Set-Cookie',
    `${NAME}=${token}; Path=${publicPath(response.req, '/dashboard')}; Max-Age=${length}; HttpOnly; SameSite=Strict${secure}`,
  );
}

export function clearCookie(response: ServerResponse): void {
  setCookie(response, '', 0);
}

/** A client can forge the proxy's header, but this affects only its own cookie. */
function isSecure({ socket, headers }: IncomingMessage): boolean {
  return socket instanceof TLSSocket || headers['x-forwarded-proto'] === 'https';
}

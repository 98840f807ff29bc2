import type { ServerResponse } from 'node:http';

/** What the service answered, and what a proxy may say instead. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface BadAnswer {
  readonly name: string;
  /** False: the request never reaches the service. */
  readonly isCarried: boolean;
  /** True: those who honour it wait for a minute, so only long campaigns give it. */
  readonly isSlow?: boolean;
  /** True: it is an answer after all, and the call is not repeated. */
  readonly isAnswer?: boolean;
  /** `previous` is the answer to the last call of the same kind. */
  readonly send: (response: ServerResponse, real: Answer, previous: Answer) => void;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const PROBLEM_TYPE = { 'Content-Type': 'application/problem+json' };

function plain(
  name: string,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = JSON_TYPE,
): BadAnswer {
  const send: BadAnswer['send'] = (response) => response.writeHead(status, headers).end(body);
  return { name, isCarried: status < 500 && status !== 429, send };
}

function problem(name: string, status: number, members: object, headers: object = {}): BadAnswer {
  return plain(name, status, JSON.stringify(members), { ...PROBLEM_TYPE, ...headers });
}

/** Bytes of the proxy's own, then the end of the connection. */
function raw(name: string, bytes: (real: Answer) => string | Buffer): BadAnswer {
  const send: BadAnswer['send'] = (response, real) => {
    const { socket } = response;
    socket?.end(bytes(real));
  };
  return { name, isCarried: true, send };
}

const AWAY = { status: 503, code: 'store_unavailable', applied: false, detail: 'The proxy says so' };
const OTHER = {
  status: 200,
  headers: JSON_TYPE,
  body: Buffer.from('{"eval_id":"other","status":"completed"}'),
};

/** What servers, proxies and networks have been seen to answer instead of the service. */
export const BAD_ANSWERS: readonly BadAnswer[] = [
  plain('an empty 200', 200, ''),
  plain('a 204', 204, ''),
  plain('a redirect', 302, '', { Location: 'http://127.0.0.1:9/' }),
  plain('a permanent redirect to itself', 308, '', { Location: '/tasks/claim' }),
  plain('a 304', 304, ''),
  plain('a page', 200, '<html>Sign in to the network</html>', { 'Content-Type': 'text/html' }),
  plain('another document', 200, '{"errors": 5}'),
  plain('an array', 200, '[]'),
  plain('null', 200, 'null'),
  plain('a number', 200, '5'),
  plain('an answer about another task', OTHER.status, OTHER.body),
  plain(
    'tasks that are none',
    200,
    '{"tasks": [null, 5, {}], "results": [null], "eval_id": 5, "status": []}',
  ),
  plain('JSON that is nested too deep', 200, `${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  plain('bytes that are no text', 200, Buffer.from([0xff, 0xfe, 0])),
  plain('escape sequences', 500, '\u001b]0;owned\u0007\u001b[2J', { 'Content-Type': 'text/plain' }),
  plain('a page with a 404', 404, '<html>404 Not Found</html>', { 'Content-Type': 'text/html' }),
  problem('an address that is gone', 404, { code: 'not_found', status: 404 }),
  plain('an error that is no problem', 400, '{"errors": 5}'),
  problem('a problem with a strange code', 500, { code: 7 }),
  problem('a problem with strange members', 503, { code: 'store_unavailable', errors: 5, detail: ['x'] }),
  problem('a refused key', 401, { code: 'unauthorized', status: 401 }),
  problem('a missing role', 403, { code: 'forbidden', status: 403 }),
  problem('too many requests', 429, { code: 'rate_limited', status: 429 }, { 'Retry-After': '0' }),
  problem('an outage', 503, AWAY, { 'Retry-After': '1' }),
  problem('a negative Retry-After', 503, AWAY, { 'Retry-After': '-5' }),
  problem('a Retry-After that is a date', 503, AWAY, { 'Retry-After': 'Mon, 30 Nov 2026 12:00:00 GMT' }),
  {
    ...problem('a Retry-After without an end', 503, AWAY, { 'Retry-After': '9999999' }),
    isSlow: true,
  },
  plain('a bad gateway', 502, '<html>502 Bad Gateway</html>', { 'Content-Type': 'text/html' }),
  plain('a gateway that waited', 504, ''),
  {
    name: 'half an answer',
    isCarried: true,
    send: (response, { status, headers, body }) => {
      response.writeHead(status, { ...headers, 'content-length': String(body.length) });
      response.write(body.subarray(0, body.length >> 1));
      setImmediate(() => response.destroy());
    },
  },
  {
    name: 'half a document',
    isCarried: true,
    send: (response, { status, body }) =>
      response.writeHead(status, JSON_TYPE).end(body.subarray(0, body.length >> 1)),
  },
  {
    name: 'the answer twice',
    isCarried: true,
    send: (response, { status, body }) =>
      response.writeHead(status, JSON_TYPE).end(Buffer.concat([body, body])),
  },
  {
    name: 'the answer to the call before',
    isCarried: true,
    send: (response, _real, { status, headers, body }) => response.writeHead(status, headers).end(body),
  },
  { name: 'a cut connection', isCarried: true, send: (response) => response.destroy() },
  { name: 'a connection that is cut before', isCarried: false, send: (response) => response.destroy() },
  {
    name: 'an answer that comes late',
    isCarried: true,
    isAnswer: true,
    send: (response, { status, headers, body }) =>
      void setTimeout(() => response.writeHead(status, headers).end(body), 700),
  },
  raw('no HTTP', () => 'SSH-2.0-OpenSSH_9.2\r\n'),
  raw('a length that is none', () => 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}'),
  raw('chunks that are none', () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'),
  raw('an answer behind another', ({ body }) =>
    Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n'),
      Buffer.from(`Content-Length: ${body.length}\r\n\r\n`),
      body,
    ]),
  ),
  {
    name: 'bytes that claim to be packed',
    isCarried: true,
    send: (response, { body }) =>
      response.writeHead(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }).end(body),
  },
];

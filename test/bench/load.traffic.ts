/** What the load generator sends. Plain data: it crosses a process boundary. */
export type Traffic =
  /** `POST /tasks`, ids `<prefix>-<from>` and up. */
  | { readonly kind: 'enqueue'; readonly prefix: string; readonly from: number; readonly bodyBytes: number }
  /** `POST /tasks/batch`, 1,000 tasks each. */
  | { readonly kind: 'batch'; readonly prefix: string; readonly from: number; readonly bodyBytes: number }
  /** `GET /tasks/{id}` of `<prefix>-<from>` up to `<prefix>-<from + count - 1>`, spread evenly. */
  | { readonly kind: 'read'; readonly prefix: string; readonly from: number; readonly count: number }
  | { readonly kind: 'claim' }
  /** Claim a task, complete it under its lease: two requests a cycle. */
  | { readonly kind: 'work' };

export const BATCH_SIZE = 1000;

/** Coprime to every count that is used, so that a walk in these steps meets all. */
const STRIDE = 7919;

/** What one connection asks, request by request. */
export interface Script {
  /** The request with this number. */
  request(number: number): string;
  /** A further request that belongs to the same unit of work; `undefined` when the unit is done. */
  next(body: string): string | undefined;
}

export function scriptOf(traffic: Traffic): Script {
  switch (traffic.kind) {
    case 'enqueue':
      return single((number) => post('/tasks', taskJson(traffic, number)));
    case 'batch':
      return single((number) => {
        const tasks = Array.from({ length: BATCH_SIZE }, (_, index) =>
          taskJson(traffic, number * BATCH_SIZE + index),
        );
        return post('/tasks/batch', `{"tasks":[${tasks.join(',')}]}`);
      });
    case 'read':
      return single((number) => {
        const offset = (number * STRIDE) % traffic.count;
        return get(`/tasks/${traffic.prefix}-${traffic.from + offset}`);
      });
    case 'claim':
      return single(() => get('/tasks/next?worker_id=w1'));
    case 'work':
      return { request: () => get('/tasks/next?worker_id=w1'), next: completionOf };
  }
}

function single(request: (number: number) => string): Script {
  return { request, next: () => undefined };
}

/** The completion of a claim; the answer to a completion has no lease and asks for nothing more. */
function completionOf(body: string): string | undefined {
  const id = /"eval_id":"([^"]+)"/.exec(body)?.[1];
  const leaseId = /"lease_id":"([^"]+)"/.exec(body)?.[1];
  if (id === undefined || leaseId === undefined) return undefined;
  return post(`/tasks/${id}/complete`, `{"lease_id":"${leaseId}","output":{"stdout":"42\\n","exit_code":0}}`);
}

/** A task whose JSON has exactly `bodyBytes` bytes. */
function taskJson(traffic: { prefix: string; from: number; bodyBytes: number }, number: number): string {
  const head = `{"eval_id":"${traffic.prefix}-${traffic.from + number}","timeout":3600,"code":"`;
  return `${head}${'x'.repeat(Math.max(traffic.bodyBytes - head.length - 2, 0))}"}`;
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

/** All bodies are ASCII, so a character is a byte. */
function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

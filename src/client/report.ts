import type { ClaimedTask } from './api.generated.js';
import type { Verdict } from './attempt.js';
import type { Client, Patient } from './client.js';
import { ApiError } from './errors.js';

/** What the service answered to the report of an end. */
export interface Reported {
  readonly kind: Verdict['kind'];
  /** The state of the task now. */
  readonly status?: string;
}

const OUTPUT_REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);

/** Tells the service how an attempt ended, as often as it takes and under the same lease. @throws ClientError */
export async function report(
  client: Client,
  { task, verdict }: { readonly task: ClaimedTask; readonly verdict: Verdict },
  limits: Patient,
): Promise<Reported> {
  switch (verdict.kind) {
    case 'completed':
      return complete(client, { task, output: verdict.output }, limits);
    case 'failed':
      return { kind: 'failed', status: (await client.fail(task, verdict.failure, limits)).status };
    case 'released': {
      const given = { reason: 'The worker was stopped' };
      return { kind: 'released', status: (await client.release(task, given, limits)).status };
    }
    case 'lost':
      return { kind: 'lost' };
  }
}

/** An output that cannot be sent, or is not taken, is a failure for good: it would be the same the next time. */
async function complete(
  client: Client,
  { task, output }: { readonly task: ClaimedTask; readonly output: unknown },
  limits: Patient,
): Promise<Reported> {
  try {
    return { kind: 'completed', status: (await client.complete(task, output, limits)).status };
  } catch (error) {
    const isRefused = error instanceof ApiError && OUTPUT_REFUSED.has(error.status);
    if (!isRefused && !(error instanceof TypeError)) throw error;
    const failure = { error: `The output was not taken: ${error.message}`, retryable: false };
    return { kind: 'failed', status: (await client.fail(task, failure, limits)).status };
  }
}

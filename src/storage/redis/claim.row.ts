import { type Labels, pairsOf } from '../../task/requirements.js';
import type { ClaimRequest } from '../task-store.js';
import { placeOf } from './task.codec.js';

/** One lease to give out. */
export interface LeaseRow {
  readonly leaseId: string;
  readonly grant: ClaimRequest['grant'];
}

/** What the script of a claim answers. */
export type Reply = readonly [claimed: readonly ReplyRow[], expired: readonly ReplyRow[]];
export type ReplyRow = readonly [
  queue: number,
  lease: number,
  event: string,
  id: string,
  ...fields: string[],
];

/** By queue, then in the order in which they were claimed. */
export function byPlace(
  [queue, , , , head = '']: ReplyRow,
  [otherQueue, , , , otherHead = '']: ReplyRow,
): number {
  return queue - otherQueue || placeOf(head) - placeOf(otherHead);
}

/** What a worker offers, as the script reads it. */
export function offerOf(labels: Labels = {}): string {
  return `,${pairsOf(labels).join(',')},`;
}

export function leaseArgs({
  leaseId,
  grant: { workerId, claimId, lease, grace },
}: LeaseRow): (string | number)[] {
  const begin = JSON.stringify({ id: leaseId, workerId, claimId }).slice(0, -1);
  const ending = workerId === undefined ? '}' : `,"worker_id":${JSON.stringify(workerId)}}`;
  return [begin, lease ?? '', grace, ending];
}

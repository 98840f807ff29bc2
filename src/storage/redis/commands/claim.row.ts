import { type Labels, pairsOf } from '../../../task/requirements.js';
import type { ClaimRequest } from '../../task-store.js';
import type { DanglingEntry } from '../records/repairs.js';
import { placeOf } from '../records/task.codec.js';

/** One lease to give out. */
export interface LeaseRow {
  readonly leaseId: string;
  readonly grant: ClaimRequest['grant'];
}

/** What the script of a claim answers. */
export type Reply = readonly [
  held: readonly HeldRow[],
  claimed: readonly ClaimedRow[],
  expired: readonly ExpiredRow[],
  dangling: readonly DanglingEntry[],
  isCut: number,
];
export type HeldRow = readonly [queue: number, head: string, spec: string, core: string, lease: string];
export type ClaimedRow = readonly [
  event: string,
  head: string,
  spec: string,
  core: string,
  payload: string | null,
];
export type ExpiredRow = readonly [head: string, spec: string, core: string];

/** By queue, then in the order in which they were claimed. */
export function byPlace([queue, head]: HeldRow, [otherQueue, otherHead]: HeldRow): number {
  return queue - otherQueue || placeOf(head) - placeOf(otherHead);
}

/** What a worker offers, as the script reads it. */
export function offerOf(labels: Labels = {}): string {
  return `,${pairsOf(labels).join(',')},`;
}

export function leaseArgs({ leaseId, grant: { workerId, claimId, lease, grace } }: LeaseRow): string[] {
  const begin = JSON.stringify({ id: leaseId, workerId, claimId }).slice(0, -1);
  const ending = workerId === undefined ? '}' : `,"worker_id":${JSON.stringify(workerId)}}`;
  return [begin, lease === undefined ? `+${grace}` : String(lease), ending];
}

import { createHash } from 'node:crypto';
import { ProblemError } from './problem.error.js';

/** The paginated lists. */
export type PagedList = 'tasks' | 'batches' | 'schedules' | 'deliveries';

/** The form of a cursor; `placeOf` verifies that the service issued it. */
export const CURSOR = /^[0-9A-Za-z_-]{1,200}$/;

const MARK_LENGTH = 6;

/**
 * The cursor for the page after a place: the place and a checksum. The checksum detects forged, truncated and
 * mismatched cursors. It is no secret, because a place grants no access.
 */
export function cursorAt(list: PagedList, place: string | number): string {
  return `${place}-${markOf(list, String(place))}`;
}

/**
 * The place in a cursor; `undefined` without a cursor.
 *
 * @throws ProblemError `invalid_request` when the service did not issue this cursor for this list
 */
export function placeOf(list: PagedList, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const place = cursor.slice(0, -(MARK_LENGTH + 1));
  if (place === '' || cursor !== cursorAt(list, place)) throw invalidCursor();
  return place;
}

/** The same for lists with numeric places. */
export function numberOf(list: PagedList, cursor: string | undefined): number | undefined {
  const place = placeOf(list, cursor);
  if (place === undefined) return undefined;
  if (!/^[0-9]{1,16}$/.test(place)) throw invalidCursor();
  return Number(place);
}

export function invalidCursor(): ProblemError {
  const detail = 'cursor must be the next_cursor of a page';
  return new ProblemError('invalid_request', detail, { errors: [{ pointer: 'cursor', detail }] });
}

function markOf(list: PagedList, place: string): string {
  return createHash('sha256').update(`${list} ${place}`).digest('base64url').slice(0, MARK_LENGTH);
}

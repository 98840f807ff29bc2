import { createHash } from 'node:crypto';
import { ProblemError } from './problem.error.js';

/** The lists that have pages. */
export type PagedList = 'tasks' | 'batches' | 'schedules' | 'deliveries';

/** What a cursor looks like; whether this service gave it out only `placeOf` can tell. */
export const CURSOR = /^[0-9A-Za-z_-]{1,200}$/;

const MARK_LENGTH = 6;

/**
 * The cursor for the page that begins behind a place: the place, and a mark that is made of it. So what a client has made
 * up, cut short or taken from another list is told from what the service gave out. It is no secret: a place grants
 * nothing.
 */
export function cursorAt(list: PagedList, place: string | number): string {
  return `${place}-${markOf(list, String(place))}`;
}

/**
 * The place that a cursor stands for; `undefined` without one.
 *
 * @throws ProblemError `invalid_request` when the service never gave out this cursor for this list
 */
export function placeOf(list: PagedList, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const place = cursor.slice(0, -(MARK_LENGTH + 1));
  if (place === '' || cursor !== cursorAt(list, place)) throw invalidCursor();
  return place;
}

/** The same for lists whose places are numbers. */
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

import { randomBytes } from 'node:crypto';

const ofThisProcess = randomBytes(9).toString('base64url');
let count = 0;

/** Unique for every insert of every process. */
export function newNonce(): string {
  count += 1;
  return `${ofThisProcess}${count.toString(36)}`;
}

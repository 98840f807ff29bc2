import { ArrayNotEmpty, IsIn, IsOptional, Matches, NotEquals } from 'class-validator';
import { IsMoment } from '../http/moment.js';
import { LEASE_KEY_ID } from './lease-credential.js';
import { ANYONE, ROLES } from './principal.js';
import type { Role } from './principal.js';

const A_TIME = '$property must be null or a valid date and time with an offset, such as 2030-01-31T12:00:00Z';

/** One entry of the key file. Messages state the expected value and never the actual one. */
export class ApiKeyEntry {
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, {
    message: 'id must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -, the first a letter or digit',
  })
  @NotEquals(LEASE_KEY_ID, { message: `id must not be "${LEASE_KEY_ID}"` })
  @NotEquals(ANYONE.keyId, { message: `id must not be "${ANYONE.keyId}"` })
  readonly id: string = '';

  @Matches(/^[0-9a-fA-F]{64}$/, { message: 'sha256 must be the SHA-256 of the key as 64 hexadecimal digits' })
  readonly sha256: string = '';

  @ArrayNotEmpty({ message: 'roles must be a list with at least one role' })
  @IsIn(ROLES, { each: true, message: `roles must each be one of ${ROLES.join(', ')}` })
  readonly roles: readonly Role[] = [];

  @ArrayNotEmpty({ message: 'queues must be a list: ["*"], or names of queues' })
  @Matches(/^(\*|[^\p{Cc}*]{1,128})$/u, {
    each: true,
    message: 'queues must each be "*" or the name of a queue',
  })
  readonly queues: readonly string[] = ['*'];

  @IsOptional()
  @IsMoment(A_TIME)
  readonly not_before: string | null = null;

  @IsOptional()
  @IsMoment(A_TIME)
  readonly expires: string | null = null;
}

import { ProblemError } from '../http/problem.error.js';

/** A digest that the client announced. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha512';
  readonly value: Buffer;
}

const ALGORITHMS = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;
const BYTES = { sha256: 32, sha512: 64 } as const;

/** One member of the dictionary: a key, bytes in Base64 between colons, and parameters, which have no meaning. */
const MEMBER = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=[^,;"]*)?)*$/;

/**
 * The digests in `Content-Digest` (RFC 9530) that the service can check. Others are ignored, as the standard asks.
 *
 * @throws ProblemError `invalid_request` for a malformed header
 */
export function digestsIn(header: string | undefined): readonly Digest[] {
  if (header === undefined) return [];
  return header.split(',').flatMap((text) => {
    const [, name, value] = MEMBER.exec(text.trim()) ?? [];
    if (name === undefined || value === undefined) throw malformed();
    const algorithm = Object.hasOwn(ALGORITHMS, name)
      ? ALGORITHMS[name as keyof typeof ALGORITHMS]
      : undefined;
    if (algorithm === undefined) return [];
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length !== BYTES[algorithm]) throw malformed();
    return [{ algorithm, value: bytes }];
  });
}

function malformed(): ProblemError {
  const detail = 'Content-Digest must look like sha-256=:…:, with the digest in Base64 between the colons';
  return new ProblemError('invalid_request', detail, { errors: [{ pointer: 'Content-Digest', detail }] });
}

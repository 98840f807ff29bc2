import { createHash, type Hash } from 'node:crypto';
import { ClientGone } from '../http/client-gone.error.js';
import { ProblemError } from '../http/problem.error.js';
import type { Digest } from './content-digest.js';

export interface UploadTerms {
  /** Bytes that the headers announce. */
  readonly length: number | undefined;
  readonly digests: readonly Digest[];
  readonly maxBytes: number;
  /** The refusal of a larger body. */
  readonly tooLarge: () => ProblemError;
}

/** Counts and hashes the bytes of an upload on their way to the store. */
export class Upload {
  private readonly sha256 = createHash('sha256');
  private readonly others: readonly { readonly digest: Digest; readonly hash: Hash }[];
  private bytes = 0;

  constructor(private readonly terms: UploadTerms) {
    this.others = terms.digests
      .filter(({ algorithm }) => algorithm !== 'sha256')
      .map((digest) => ({ digest, hash: createHash(digest.algorithm) }));
  }

  get size(): number {
    return this.bytes;
  }

  /**
   * The chunks of the body. After the last one, compares the size and the digests, so that the store keeps nothing of an
   * upload that differs from what its client announced.
   *
   * @throws ProblemError `too_large`, `digest_mismatch`
   */
  async *through(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of body) {
      this.bytes += chunk.length;
      if (this.bytes > this.terms.maxBytes) throw this.terms.tooLarge();
      this.sha256.update(chunk);
      for (const { hash } of this.others) hash.update(chunk);
      yield chunk;
    }
    if (this.terms.length !== undefined && this.terms.length !== this.bytes) throw new ClientGone();
    this.requireDigests();
  }

  /** In hexadecimal digits. Call it once, after the last chunk. */
  get hash(): string {
    return this.sha256.copy().digest('hex');
  }

  private requireDigests(): void {
    for (const { algorithm, value } of this.terms.digests) {
      const hash = this.others.find(({ digest }) => digest.algorithm === algorithm)?.hash ?? this.sha256;
      if (hash.copy().digest().equals(value)) continue;
      const detail = `The bytes do not match the ${algorithm} in Content-Digest; nothing was kept`;
      throw new ProblemError('digest_mismatch', detail);
    }
  }
}

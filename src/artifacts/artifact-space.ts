import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { ByteKey } from './byte-store.js';

/** An upload in progress. */
export interface Entry {
  /** Keeps the sweep from taking these bytes for orphans. */
  protect(key: ByteKey): void;
  leave(): void;
}

/** Counts the uploads of this process, and the bytes of all artifacts. */
@Injectable()
export class ArtifactSpace {
  private readonly inFlight = new Set<ByteKey>();
  private uploads = 0;
  private bytes = 0;
  /** What this process has added since the current count of all records began. */
  private sinceCount = 0;

  constructor(private readonly config: Config) {}

  /** The bytes of all artifacts, as last counted. */
  get used(): number {
    return this.bytes;
  }

  has(bytes: number): boolean {
    return this.bytes + bytes <= this.config.ARTIFACTS_MAX_BYTES;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    this.sinceCount += bytes;
  }

  beginCount(): void {
    this.sinceCount = 0;
  }

  /** @param bytes of all records that were read since `beginCount` */
  endCount(bytes: number): void {
    this.bytes = bytes + Math.max(this.sinceCount, 0);
  }

  /** `undefined` when `ARTIFACT_MAX_UPLOADS` are in progress. */
  enter(): Entry | undefined {
    if (this.uploads >= this.config.ARTIFACT_MAX_UPLOADS) return undefined;
    this.uploads += 1;
    const keys: ByteKey[] = [];
    return {
      protect: (key) => {
        this.inFlight.add(key);
        keys.push(key);
      },
      leave: () => {
        this.uploads -= 1;
        for (const key of keys) this.inFlight.delete(key);
      },
    };
  }

  isInFlight(key: ByteKey): boolean {
    return this.inFlight.has(key);
  }
}

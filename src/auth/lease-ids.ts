import { createHmac, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/config.js';
import { DocumentStore, LEASE_SECRET_KIND } from '../storage/document-store.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import { after, type Instant } from '../task/clock.js';
import { countIn } from '../task/task-state.js';

/** 144 bits, so lease ids cannot be guessed. */
const RANDOM_BYTES = 18;
/** 96 bits: a random guess passes with a probability below 10^-28. */
const PROOF_BYTES = 12;
const LEASE_ID = /^(([0-9a-z]{1,11})-[A-Za-z0-9_-]{24})([A-Za-z0-9_-]{16})?$/;

const SECRET_BYTES = 32;
const SECRET_NAME = 'first';
/** Seconds: the largest `timeout` in releases whose lease ids have no proof. */
const LONGEST_UNPROVEN_TIMEOUT = 86_400;

// One call of the random source for many ids: 18 bytes cost as much as thousands.
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let used = pool.length;

/** The secret that signs lease ids. */
interface LeaseSecret {
  /** Base64url. */
  readonly secret: string;
  /** Until then, a lease id without a proof is accepted: an older release may have issued it. */
  readonly unprovenUntil: Instant;
}

/**
 * The store generation in a lease id; it tells a lease that a clear ended from an unknown one. `undefined` for a
 * malformed id.
 */
export function generationOf(leaseId: string): number | undefined {
  const generation = LEASE_ID.exec(leaseId)?.[2];
  return generation === undefined ? undefined : Number.parseInt(generation, 36);
}

/**
 * Makes lease ids, which are the fencing tokens. An id consists of the store generation, 144 random bits and a proof.
 * The proof is an HMAC with a secret that all replicas of a store share and that survives restarts. It lets the service
 * reject forged ids without a lookup.
 */
@Injectable()
export class LeaseIds implements OnModuleInit {
  /** The first one signs; all verify. */
  private secrets: readonly Buffer[] = [];
  private unprovenUntil: Instant = -Infinity;
  private reading?: Promise<void>;

  constructor(
    private readonly store: TaskStore,
    private readonly documents: DocumentStore,
    private readonly config: Config,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.whenReady()?.catch((error: unknown) => {
      // The store is unavailable at startup: the first claim reads the secret.
      if (!(error instanceof StoreUnavailable)) throw error;
    });
  }

  /**
   * Resolves when the secret is loaded; `undefined` if it is loaded already.
   *
   * @throws StoreUnavailable
   */
  whenReady(): Promise<void> | undefined {
    if (this.secrets.length > 0) return undefined;
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  make(generation: number): string {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const named = `${generation.toString(36)}-${pool.toString('base64url', used, used + RANDOM_BYTES)}`;
    used += RANDOM_BYTES;
    const [secret] = this.secrets;
    if (secret === undefined) throw new Error('LeaseIds.whenReady() was not awaited');
    return named + proofOf(named, secret);
  }

  /** Whether this service issued the id. */
  isGenuine(leaseId: string): boolean {
    const [, named, , proof] = LEASE_ID.exec(leaseId) ?? [];
    if (named === undefined) return false;
    if (proof === undefined) return this.store.clock.now().wall < this.unprovenUntil;
    const given = Buffer.from(proof);
    return this.secrets.some((secret) => timingSafeEqual(given, Buffer.from(proofOf(named, secret))));
  }

  private async read(): Promise<void> {
    const kept = await this.readKept();
    this.unprovenUntil = Math.max(...kept.map(({ unprovenUntil }) => unprovenUntil));
    this.secrets = kept.map(({ secret }) => Buffer.from(secret, 'base64url'));
  }

  private async readKept(): Promise<readonly LeaseSecret[]> {
    for (;;) {
      // The other secrets came with tasks imported from another store.
      const { documents } = await this.documents.list(LEASE_SECRET_KIND, { limit: 100 });
      const first = documents.find(({ id }) => id === SECRET_NAME);
      if (first !== undefined) {
        const rest = documents.filter((document) => document !== first);
        return [first, ...rest].map(({ text }) => JSON.parse(text) as LeaseSecret);
      }
      // If another replica wrote first, its secret wins.
      const text = JSON.stringify(await this.newSecret());
      await this.documents.put(LEASE_SECRET_KIND, { id: SECRET_NAME, text, expected: 0 });
    }
  }

  private async newSecret(): Promise<LeaseSecret> {
    const { MAX_LEASE_SECONDS, LEASE_GRACE_SECONDS } = this.config;
    const longest = Math.max(MAX_LEASE_SECONDS, LONGEST_UNPROVEN_TIMEOUT + LEASE_GRACE_SECONDS);
    const queues = await this.store.views.counts();
    const isUsed = queues.some(({ counts }) => countIn(counts) > 0);
    const now = this.store.clock.now().wall;
    return {
      secret: randomBytes(SECRET_BYTES).toString('base64url'),
      // A store without tasks has issued no lease.
      unprovenUntil: isUsed ? after(now, longest) : now,
    };
  }
}

function proofOf(named: string, secret: Buffer): string {
  return createHmac('sha256', secret).update(named).digest().toString('base64url', 0, PROOF_BYTES);
}

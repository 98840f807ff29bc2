import { hash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { InvalidConfig } from '../config/config.error.js';
import type { Config } from '../config/config.js';
import type { Instant } from '../task/clock.js';
import type { ApiKeyEntry } from './api-key-entry.js';
import { fingerprint, instantOf, InvalidKeysFile, readKeysFile } from './api-keys-file.js';
import type { Principal } from './principal.js';

/** The owner, permissions and validity of a key. */
export interface ApiKey {
  readonly principal: Principal;
  readonly notBefore?: Instant;
  readonly expires?: Instant;
}

/** The source of SIGHUP: the process, or a test. */
export interface SignalSource {
  on(signal: 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGHUP', listener: () => void): unknown;
}

type KeyRing = ReadonlyMap<string, ApiKey>;

/**
 * The key ring: `API_KEY` and the keys of `API_KEYS_FILE`. It rereads the file when the file changes and on SIGHUP. An
 * invalid file is logged once; the previous keys remain valid.
 */
export class ApiKeys implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ApiKeys.name);
  private readonly hangUp = (): void => void this.reload();
  private timer?: NodeJS.Timeout;
  private ring: KeyRing = new Map();
  private fingerprint = '';
  private readonly listeners = new Set<() => void>();
  /** Serializes reads, so that the latest version of the file wins. */
  private turn: Promise<void> = Promise.resolve();

  private constructor(
    private readonly config: Config,
    private readonly signals: SignalSource,
  ) {}

  /**
   * Reads the keys and starts to watch the file.
   * @throws InvalidConfig when the file is invalid
   */
  static async open(config: Config, signals: SignalSource = process): Promise<ApiKeys> {
    const keys = new ApiKeys(config, signals);
    const path = config.API_KEYS_FILE;
    keys.ring = await keys.readRing().catch((cause: unknown) => {
      if (!(cause instanceof InvalidKeysFile)) throw cause;
      throw new InvalidConfig([`API_KEYS_FILE: ${String(path)} ${cause.message}`], { cause });
    });
    if (path !== undefined) keys.watch();
    return keys;
  }

  /** Whether no key is configured, so that all callers have all permissions. */
  get isOpen(): boolean {
    return this.config.API_KEY === undefined && this.config.API_KEYS_FILE === undefined;
  }

  /**
   * The entry of a key. The lookup by digest is safe although it does not take constant time. Its duration depends on
   * the SHA-256 of the input. A caller cannot steer that towards a stored digest without knowing the key.
   */
  find(key: string): ApiKey | undefined {
    return key === '' ? undefined : this.ring.get(digestOf(key));
  }

  /** Calls back after each read of the keys. The returned function unsubscribes. */
  onChange(callback: () => void): () => void {
    this.listeners.add(callback);
    return () => this.listeners.delete(callback);
  }

  /** The keys with this id, with their digests. Several keys can share an id. */
  named(keyId: string): readonly { readonly digest: string; readonly key: ApiKey }[] {
    return [...this.ring]
      .filter(([, { principal }]) => principal.keyId === keyId)
      .map(([digest, key]) => ({ digest, key }));
  }

  /** Rereads the file if it has changed. */
  refresh(): Promise<void> {
    return this.inTurn(async (path) => {
      if ((await fingerprint(path)) !== this.fingerprint) await this.replaceRing(path);
    });
  }

  /** Rereads the file. */
  reload(): Promise<void> {
    return this.inTurn((path) => this.replaceRing(path));
  }

  onApplicationBootstrap(): void {
    if (!this.isOpen) return;
    const { HOST, PORT, ALLOWED_HOSTS } = this.config;
    const address = `${HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT === 0 ? '(any free port)' : PORT}`;
    const names =
      ALLOWED_HOSTS === undefined
        ? ' Set ALLOWED_HOSTS as well, or web pages can reach the service through DNS rebinding.'
        : '';
    this.logger.warn(
      `No API key is configured: the service accepts all callers on ${address}. Set API_KEY or API_KEYS_FILE.${names}`,
    );
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.signals.off('SIGHUP', this.hangUp);
    await this.turn;
  }

  private watch(): void {
    const milliseconds = this.config.API_KEYS_RELOAD_SECONDS * 1000;
    this.timer = setInterval(() => void this.refresh(), milliseconds).unref();
    this.signals.on('SIGHUP', this.hangUp);
  }

  private inTurn(work: (path: string) => Promise<void>): Promise<void> {
    const path = this.config.API_KEYS_FILE;
    if (path === undefined) return Promise.resolve();
    this.turn = this.turn.then(() => work(path));
    return this.turn;
  }

  private async replaceRing(path: string): Promise<void> {
    try {
      this.ring = await this.readRing();
      for (const listener of this.listeners) listener();
      this.logger.log(`Reloaded ${this.ring.size} API keys from ${path}`);
    } catch (error) {
      const reason = error instanceof InvalidKeysFile ? error.message : String(error);
      this.logger.error(`Kept the current API keys: ${path} ${reason}`);
    }
  }

  private async readRing(): Promise<KeyRing> {
    const path = this.config.API_KEYS_FILE;
    if (path === undefined) return ringOf(this.config.API_KEY, []);
    // Taken before the read, so that a write during the read counts as a change.
    this.fingerprint = await fingerprint(path);
    const entries = await readKeysFile(path);
    return ringOf(this.config.API_KEY, entries);
  }
}

/** Whether the key is valid at this wall-clock time. */
export function isInTime({ notBefore, expires }: ApiKey, now: Instant): boolean {
  return (notBefore === undefined || now >= notBefore) && (expires === undefined || now < expires);
}

/** The keys by digest. `API_KEY` comes last, so it is an admin even if the file lists it with fewer permissions. */
function ringOf(apiKey: string | undefined, entries: readonly ApiKeyEntry[]): KeyRing {
  const ring = new Map(entries.map((entry) => [entry.sha256.toLowerCase(), keyOf(entry)]));
  if (apiKey === undefined) return ring;
  return ring.set(digestOf(apiKey), {
    principal: Object.freeze<Principal>({ keyId: 'default', roles: ['admin'], queues: ['*'] }),
  });
}

/** The digest of the bytes as sent: Node decodes each byte of a header to one character. */
export function digestOf(key: string): string {
  return hash('sha256', Buffer.from(key, 'latin1'));
}

function keyOf({ id, roles, queues, not_before, expires }: ApiKeyEntry): ApiKey {
  return {
    principal: Object.freeze<Principal>({ keyId: id, roles, queues }),
    notBefore: instantOf(not_before),
    expires: instantOf(expires),
  };
}

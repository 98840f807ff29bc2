import { isIPv6 } from 'node:net';
import type { Clock, Instant } from '../task/clock.js';

const WINDOW_MS = 60_000;

interface Window {
  readonly endsAt: Instant;
  failures: number;
}

/**
 * Counts failures per client address in windows of one minute, starting at the first failure. It tracks a bounded
 * number of addresses and drops the oldest windows first.
 */
export class FailureLimit {
  /** Ordered by end, as all windows have the same length. */
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly perMinute: number,
    private readonly clock: Clock,
    private readonly maxAddresses = 4096,
  ) {}

  /** Whole seconds until the address can fail again; 0 if it can now. */
  secondsToWait(address: string): number {
    const window = this.windows.get(clientOf(address));
    const milliseconds = window ? window.endsAt - this.clock.now().steady : 0;
    if (!window || milliseconds <= 0 || window.failures < this.perMinute) return 0;
    return Math.ceil(milliseconds / 1000);
  }

  count(address: string): void {
    const client = clientOf(address);
    const now = this.clock.now().steady;
    const window = this.windows.get(client);
    if (window && window.endsAt > now) {
      window.failures += 1;
      return;
    }
    this.windows.delete(client);
    this.windows.set(client, { endsAt: now + WINDOW_MS, failures: 1 });
    this.forgetOldest(now);
  }

  private forgetOldest(now: Instant): void {
    for (const [client, { endsAt }] of this.windows) {
      if (endsAt > now && this.windows.size <= this.maxAddresses) return;
      this.windows.delete(client);
    }
  }
}

/**
 * The client behind an address. IPv4-mapped IPv6 addresses count as IPv4. IPv6 addresses count by their first 64 bits,
 * as a client can use its whole network.
 */
function clientOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

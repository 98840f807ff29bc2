import { isIPv6 } from 'node:net';
import type { Clock, Instant } from '../task/clock.js';

const WINDOW_MS = 60_000;

interface Window {
  readonly endsAt: Instant;
  failures: number;
}

/**
 * Counts the failures of each client address in windows of a minute that begin with its first failure. It remembers a
 * bounded number of addresses; when more fail, those whose windows began first are forgotten first.
 */
export class FailureLimit {
  /** In the order of their ends, as every window is as long. */
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly perMinute: number,
    private readonly clock: Clock,
    private readonly maxAddresses = 4096,
  ) {}

  /** Whole seconds until the address may fail again; 0 when it may. */
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
 * The client behind an address: an IPv4 address also when it came in over IPv6, and of an IPv6 address the first 64
 * bits, as one client may use all addresses of its network.
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

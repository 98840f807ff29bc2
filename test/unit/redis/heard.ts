import type { RedisLink } from '../../../src/redis/redis-link.js';
import type { Subscription } from '../../../src/redis/subscription.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { ask } from './link.support.js';

/** What a subscription to `news` has heard. */
export interface Heard {
  readonly subscription: Subscription;
  readonly texts: string[];
  /** How often it was told to look by itself. */
  readonly doubts: () => number;
  /** Resolves when it hears what is published there, which is published until it does. */
  readonly from: (server: RedisServer, text: string) => Promise<void>;
}

export function subscribeTo(link: RedisLink, echoChannel = 'echo'): Heard {
  const texts: string[] = [];
  let doubts = 0;
  const subscription = link.subscribe({
    channels: ['news'],
    echoChannel,
    onMessage: (_channel, text) => void texts.push(text),
    onDoubt: () => void (doubts += 1),
  });
  return {
    subscription,
    texts,
    doubts: () => doubts,
    from: (server, text) =>
      ask(server, (redis) =>
        until(async () => {
          await redis.publish('news', text);
          return texts.includes(text);
        }),
      ),
  };
}

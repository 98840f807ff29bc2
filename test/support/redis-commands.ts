import { Redis } from 'ioredis';

/** One command that Redis was sent. What scripts call is left out. */
export interface SeenCommand {
  /** In lower case. */
  readonly name: string;
  readonly args: readonly string[];
  /** The connection: address and port. */
  readonly source: string;
}

/** Sees every command that a Redis is sent, in the order in which it runs them. */
export class RedisCommands {
  private seen: SeenCommand[] = [];

  private constructor(
    private readonly client: Redis,
    private readonly stream: Redis,
  ) {
    stream.on('monitor', (_: string, [name = '', ...args]: string[], source: string) => {
      if (source !== 'lua') this.seen.push({ name: name.toLowerCase(), args, source });
    });
  }

  static async watch(url: string): Promise<RedisCommands> {
    const client = new Redis(url);
    return new RedisCommands(client, await client.monitor());
  }

  /** Since the last `forget`. */
  get all(): readonly SeenCommand[] {
    return this.seen;
  }

  forget(): void {
    this.seen = [];
  }

  close(): void {
    this.stream.disconnect();
    this.client.disconnect();
  }
}

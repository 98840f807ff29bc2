import { monitorRedis, type RedisMonitor, type SeenCommand } from './redis-monitor.js';

/** Keeps every command that a Redis is sent, in the order in which it runs them. What scripts call is left out. */
export class RedisCommands {
  private seen: SeenCommand[] = [];
  private monitor: RedisMonitor | undefined;

  static async watch(port: number): Promise<RedisCommands> {
    const commands = new RedisCommands();
    commands.monitor = await monitorRedis(port, (command) => {
      if (command.source !== 'lua') commands.seen.push(command);
    });
    return commands;
  }

  /** Since the last `forget`. */
  get all(): readonly SeenCommand[] {
    return this.seen;
  }

  forget(): void {
    this.seen = [];
  }

  close(): void {
    this.monitor?.close();
  }
}

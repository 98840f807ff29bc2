import 'reflect-metadata';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { AppModule } from '../../src/app.module.js';
import { ArtifactsModule } from '../../src/artifacts/artifacts.module.js';
import type { Config } from '../../src/config/config.js';
import { Config as ConfigToken } from '../../src/config/config.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { DashboardModule } from '../../src/dashboard/dashboard.module.js';
import { DocsModule } from '../../src/docs/docs.module.js';
import { EventsController } from '../../src/events/events.controller.js';
import { HttpLimits } from '../../src/http/http-limits.js';
import { HttpModule } from '../../src/http/http.module.js';
import { LoggingModule } from '../../src/logging/logging.module.js';
import { MetricsModule } from '../../src/metrics/metrics.module.js';
import { DocumentStore } from '../../src/storage/document-store.js';
import { StorageModule } from '../../src/storage/storage.module.js';
import { TaskStore } from '../../src/storage/task-store.js';
import { Clock } from '../../src/task/clock.js';
import { TracingModule } from '../../src/tracing/tracing.module.js';
import { Door } from './door.js';

type Token = object | string;
type AnyModule = Type | DynamicModule;
type AnyInstance = Partial<Record<Hook, () => unknown>>;
type Hook =
  | 'onModuleInit'
  | 'onApplicationBootstrap'
  | 'onModuleDestroy'
  | 'beforeApplicationShutdown'
  | 'onApplicationShutdown';

/** What is about HTTP, people, files and the process; and the store, which the simulation brings along. */
const LEFT_OUT: ReadonlySet<unknown> = new Set([
  ...[ConfigModule, StorageModule, HttpModule, MetricsModule],
  ...[LoggingModule, TracingModule, DocsModule, DashboardModule, ArtifactsModule],
]);

/** Needs keys, which the simulation has none of. */
const ABOUT_READERS: ReadonlySet<unknown> = new Set([EventsController]);

/** Classes that take the place of others: for faults that are planted. */
export type Replacements = ReadonlyMap<Token, Type>;

/**
 * The services of one process, wired by what their modules declare, as Nest does. Nest takes 50 ms for that and this
 * takes one, so thousands of processes can be simulated.
 */
export class SimulatedProcess {
  private readonly recipes = new Map<Token, Provider>();
  private readonly instances = new Map<Token, unknown>();
  /** The classes of each module, in the order in which Nest starts them. */
  private readonly rooms: Token[][] = [];
  private readonly controllers: Type[] = [];

  constructor(
    private readonly config: Config,
    store: TaskStore,
    private readonly replacements: Replacements = new Map(),
  ) {
    this.instances.set(ConfigToken, config);
    this.instances.set(TaskStore, store);
    this.instances.set(DocumentStore, store.documents);
    this.instances.set(Clock, store.clock);
    this.instances.set(HttpLimits, new HttpLimits());
  }

  /** The way in for clients. */
  get door(): Door {
    return new Door(this.controllers, (type) => this.make(type));
  }

  get<T>(token: abstract new (...args: never[]) => T): T {
    return this.make(token) as T;
  }

  /** Makes everything and starts it. */
  async start(): Promise<void> {
    this.collect(AppModule.forRoot(this.config), new Set());
    for (const token of [...this.rooms.flat(), ...this.controllers]) this.make(token);
    await this.call('onModuleInit', this.rooms);
    await this.call('onApplicationBootstrap', this.rooms);
  }

  /**
   * Ends it as SIGTERM does.
   *
   * @param drained resolves when the requests in progress have ended
   */
  async stop(drained: () => Promise<unknown>): Promise<void> {
    const backwards = this.rooms.toReversed();
    await this.call('onModuleDestroy', backwards);
    await this.call('beforeApplicationShutdown', backwards);
    await drained();
    await this.call('onApplicationShutdown', backwards);
  }

  private async call(hook: Hook, rooms: readonly Token[][]): Promise<void> {
    for (const room of rooms) {
      const instances = room.map((token) => this.instances.get(token) as AnyInstance | undefined);
      await Promise.all([...new Set(instances)].map(async (instance) => instance?.[hook]?.()));
    }
  }

  private collect(module: AnyModule, seen: Set<unknown>): void {
    const type = 'module' in module ? module.module : module;
    if (seen.has(type) || LEFT_OUT.has(type)) return;
    seen.add(type);
    const given: Partial<DynamicModule> = 'module' in module ? module : {};
    const declared = (name: 'imports' | 'providers' | 'controllers') =>
      [...((Reflect.getMetadata(name, type) ?? []) as unknown[]), ...(given[name] ?? [])] as never[];
    for (const imported of declared('imports')) this.collect(imported, seen);
    for (const controller of declared('controllers') as Type[]) {
      this.recipes.set(controller, controller);
      if (!ABOUT_READERS.has(controller)) this.controllers.push(controller);
    }
    const room: Token[] = declared('providers').map((provider: Provider) => {
      const token: Token = typeof provider === 'function' ? provider : (provider.provide as Token);
      this.recipes.set(token, provider);
      return token;
    });
    // A module is a class with hooks, too.
    this.recipes.set(type, type);
    this.rooms.push([...room, type]);
  }

  private make(token: Token): unknown {
    if (this.instances.has(token)) return this.instances.get(token);
    const replacement = this.replacements.get(token);
    const recipe = replacement ?? this.recipes.get(token) ?? asClass(token);
    if (recipe === undefined) throw new Error(`Nothing provides ${nameOf(token)}`);
    const instance = this.follow(recipe);
    this.instances.set(token, instance);
    return instance;
  }

  private follow(recipe: Provider): unknown {
    if (typeof recipe === 'function') return this.construct(recipe);
    if ('useClass' in recipe) return this.construct(recipe.useClass);
    if ('useExisting' in recipe) return this.make(recipe.useExisting as Token);
    if ('useValue' in recipe) return recipe.useValue;
    const parts = (recipe.inject ?? []).map((token) => this.make(token as Token));
    return (recipe.useFactory as (...args: unknown[]) => unknown)(...parts);
  }

  private construct(type: Type): unknown {
    const types = (Reflect.getMetadata('design:paramtypes', type) ?? []) as Token[];
    const named = (Reflect.getMetadata('self:paramtypes', type) ?? []) as { index: number; param: Token }[];
    const tokens = types.map((each, index) => named.find((name) => name.index === index)?.param ?? each);
    return new type(...tokens.map((each) => this.make(each)));
  }
}

/** A pipe is made where it is needed: no module names it. */
function asClass(token: Token): Type | undefined {
  const isPipe = typeof token === 'function' && 'transform' in (token.prototype as object);
  return isPipe ? (token as Type) : undefined;
}

function nameOf(token: Token): string {
  return typeof token === 'function' ? token.name : JSON.stringify(token);
}

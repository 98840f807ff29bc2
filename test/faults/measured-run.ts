import { setTimeout as delay } from 'node:timers/promises';
import { Probe, send } from './probe.js';
import { Service, type ServiceOptions } from './service.js';
import { StoreSite } from './store-site.js';

/** A service at a store of its own, and what others wait for while it is made to work. */
export class MeasuredRun {
  readonly problems: string[] = [];

  private constructor(
    private readonly site: StoreSite,
    private readonly limitMs: number,
    private current: Service,
  ) {}

  /** @param limitMs what takes longer is a problem, not counting waits for a processor */
  static async start(
    store: string,
    limitMs: number,
    env?: Readonly<Record<string, string>>,
  ): Promise<MeasuredRun> {
    const site = await StoreSite.open(store, env);
    return new MeasuredRun(site, limitMs, await Service.start(site.options));
  }

  get service(): Service {
    return this.current;
  }

  /** Stops the service and starts it with these settings besides. Returns the milliseconds of the start. */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<number> {
    await this.current.stop();
    const began = performance.now();
    const options: ServiceOptions = { ...this.site.options, env: { ...this.site.options.env, ...env } };
    this.current = await Service.start(options);
    return performance.now() - began;
  }

  /** Sends a request, prints how long its answer took, and returns its text. */
  async ask(method: string, path: string, body?: object): Promise<string> {
    const began = performance.now();
    const answer = await send(this.current, method, path, body);
    const text = await answer.text();
    const ms = (performance.now() - began).toFixed(0);
    console.log(`${method} ${path}: ${answer.status} after ${ms} ms, ${text.slice(0, 120)}`);
    if (!answer.ok) this.problems.push(`${method} ${path} was answered ${answer.status}`);
    return text;
  }

  /** Does something, and prints how long it and other calls took meanwhile. */
  async during(name: string, act: () => Promise<void>): Promise<void> {
    const probe = new Probe(this.current, name, this.site.pids);
    const began = performance.now();
    await delay(200);
    try {
      await act();
    } finally {
      await probe.stop();
    }
    console.log(`${name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    this.problems.push(...probe.report(this.limitMs));
    for (const slow of await this.site.slowCommands()) console.log(`Redis, ${name}: ${slow}`);
  }

  /** Ends the service and its store. */
  async close(): Promise<void> {
    await this.current.kill();
    await this.site.close();
  }

  /** Prints the problems, and gives the exit code. */
  report(): number {
    for (const problem of this.problems) console.log(`BROKEN ${problem}`);
    return this.problems.length === 0 ? 0 : 1;
  }
}

import type { Plan, Step } from './plan.js';
import { WEATHERS } from './scheduler.js';
import type { Outcome } from './world.js';

type Run = (plan: Plan) => Promise<Outcome>;

/** Orders of things at one instant that a smaller plan is tried with: the old one may not fail any more. */
const SCHEDULES = 4;
/** Enough for plans of some dozens of steps; what is small by then is small enough. */
const MOST_RUNS = 600;

/** The smallest plan that was found to break the same rule. */
export async function shrink(plan: Plan, run: Run): Promise<Plan> {
  return new Shrinker(plan, run).shrink();
}

class Shrinker {
  private runs = 0;
  private rule: string | undefined;

  constructor(
    private smallest: Plan,
    private readonly run: Run,
  ) {}

  async shrink(): Promise<Plan> {
    this.rule = (await this.run(this.smallest)).violations[0]?.rule;
    if (this.rule === undefined) return this.smallest;
    for (let size = this.smallest.steps.length >> 1; size >= 1; size >>= 1) await this.dropChunks(size);
    const calm = WEATHERS.findIndex(({ name }) => name === 'calm');
    await this.try({ ...this.smallest, weather: calm });
    await this.try({ ...this.smallest, replicas: 1 });
    await this.dropChunks(1);
    return this.smallest;
  }

  private async dropChunks(size: number): Promise<void> {
    for (let start = 0; start < this.smallest.steps.length && this.runs < MOST_RUNS;) {
      const { steps } = this.smallest;
      const rest: readonly Step[] = [...steps.slice(0, start), ...steps.slice(start + size)];
      if (!(await this.try({ ...this.smallest, steps: rest }))) start += size;
    }
  }

  /** Whether it breaks the rule, too; then it is the smallest. */
  private async try(plan: Plan): Promise<boolean> {
    for (let other = 0; other < SCHEDULES; other += 1) {
      const candidate = { ...plan, schedule: plan.schedule + other };
      this.runs += 1;
      const { violations } = await this.run(candidate);
      if (violations[0]?.rule !== this.rule) continue;
      this.smallest = candidate;
      return true;
    }
    return false;
  }
}

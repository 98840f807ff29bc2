import { setTimeout as delay } from 'node:timers/promises';
import { Service, type ServiceOptions } from './service.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const QUEUES = 4;
/** Tasks that are enqueued after a clear. */
const LATER = 5;
const ALL = Array.from({ length: QUEUES }, (_, index) => `q${index}`);

interface Counts {
  readonly total_tasks: number;
  readonly queues: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

interface Clear {
  readonly query: string;
  readonly takes: (queue: string) => boolean;
}

/** Some clear all, some a part. */
const CLEARS: readonly Clear[] = [
  { query: '', takes: () => true },
  { query: '?queue=q0,q1', takes: (queue) => queue === 'q0' || queue === 'q1' },
  { query: '?status=queued', takes: () => true },
  { query: '?queue=q3&status=queued', takes: (queue) => queue === 'q3' },
  // Nothing is there in this state.
  { query: '?status=completed', takes: () => false },
];

/**
 * Kills the service at any moment around a clear, again and again, and starts it on the same directory: an answered clear
 * stays and has counted exactly, one without an answer is whole or was never there, and what was enqueued after it, or what
 * it did not mean, is untouched.
 */
export class ClearKills {
  readonly problems: string[] = [];
  /** Rounds in which the clear was answered before the kill. */
  answered = 0;
  unanswered = 0;
  private service: Service | undefined;

  /** @param tasks in each queue at the beginning of a round */
  constructor(
    private readonly options: ServiceOptions,
    private readonly tasks: number,
    private readonly random: () => number = Math.random,
  ) {}

  async run(rounds: number): Promise<void> {
    this.service = await Service.start(this.options);
    try {
      for (let round = 0; round < rounds; round += 1) await this.round(round);
    } finally {
      await this.service.kill();
    }
  }

  private async round(round: number): Promise<void> {
    const clear = CLEARS[round % CLEARS.length] ?? CLEARS[0];
    if (clear === undefined) return;
    await this.send('DELETE', '/tasks');
    for (const queue of ALL) await this.fill(queue, round);
    // Sometimes what the clear before has left is still being reclaimed.
    const answer = this.send('DELETE', `/tasks${clear.query}`).then(
      async (response) => ((await response.json()) as { tasks_removed: number }).tasks_removed,
      () => undefined,
    );
    const later: string[] = [];
    // Only what is enqueued after the answer is known to be later.
    const known = answer.then(async (count) => {
      for (let number = 0; count !== undefined && number < LATER; number += 1) {
        const id = `later-${round}-${number}`;
        const body = { eval_id: id, code: 'x', queue: 'q0' };
        const isKept = await this.send('POST', '/tasks', body).then(
          ({ status }) => status === 201,
          () => false,
        );
        if (isKept) later.push(id);
      }
    });
    await delay(this.random() * 60);
    await this.service?.kill();
    await known;
    this.service = await Service.start(this.options);
    const count = await answer;
    await this.judge(round, clear, { count, later });
    // What is left of it is resumed once more.
    await this.service.kill();
    this.service = await Service.start(this.options);
    await this.judge(round, clear, { count, later });
    if (count === undefined) this.unanswered += 1;
    else this.answered += 1;
  }

  private async judge(
    round: number,
    { query, takes }: Clear,
    { count, later }: { readonly count: number | undefined; readonly later: readonly string[] },
  ): Promise<void> {
    const problem = (what: string) => this.problems.push(`round ${round} (${query || 'all'}): ${what}`);
    const { queues, total_tasks: total } = (await (await this.send('GET', '/status')).json()) as Counts;
    const sizes = new Map(
      ALL.map((queue) => [queue, Object.entries(queues[queue] ?? {}).reduce(plusState, 0)] as const),
    );
    const meant = ALL.filter(takes);
    let wasTaken: boolean | undefined = count === undefined ? undefined : true;
    for (const [queue, size] of sizes) {
      const more = queue === 'q0' ? later.length : 0;
      if (!meant.includes(queue)) {
        // A write that was cut off may have been kept.
        if (size < this.tasks + more || size > this.tasks + LATER)
          problem(`${size} tasks are left in ${queue}`);
        continue;
      }
      const isTaken = size < this.tasks;
      wasTaken ??= isTaken;
      if (isTaken !== wasTaken) problem(`${queue} is not as the others`);
      if (isTaken && (size < more || size > LATER)) problem(`${size} tasks of ${queue} are back`);
    }
    if (count !== undefined && count !== meant.length * this.tasks) problem(`${count} tasks were counted`);
    if (total !== [...sizes.values()].reduce((sum, size) => sum + size, 0)) problem('The total is no sum');
    for (const id of later)
      if ((await this.send('GET', `/tasks/${id}`)).status !== 200) problem(`${id} is gone`);
    for (const queue of ALL) await this.judgeList(queue, sizes.get(queue) ?? 0, problem);
  }

  /** What is listed, and found by its id, is what is counted. */
  private async judgeList(queue: string, size: number, problem: (what: string) => void): Promise<void> {
    let listed = 0;
    let cursor = '';
    for (;;) {
      const path = `/tasks?queue=${queue}&limit=500${cursor}`;
      const page = (await (await this.send('GET', path)).json()) as {
        tasks: readonly { eval_id: string }[];
        next_cursor: string | null;
      };
      listed += page.tasks.length;
      const [first] = page.tasks;
      if (first !== undefined && (await this.send('GET', `/tasks/${first.eval_id}`)).status !== 200)
        problem(`${first.eval_id} is listed and not found`);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    if (listed !== size) problem(`${listed} tasks of ${queue} are listed, ${size} are counted`);
  }

  private async fill(queue: string, round: number): Promise<void> {
    for (let from = 0; from < this.tasks; from += 1_000) {
      const length = Math.min(1_000, this.tasks - from);
      const tasks = Array.from({ length }, (_, index) => ({
        eval_id: `${queue}-${round}-${from + index}`,
        code: 'x',
        queue,
      }));
      const { status } = await this.send('POST', '/tasks/batch', { tasks });
      if (status !== 200) throw new Error(`A batch was answered ${status}`);
    }
  }

  private send(method: string, path: string, body?: object): Promise<Response> {
    const content = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
    return fetch(`${this.service?.url}${path}`, { method, ...content });
  }
}

function plusState(sum: number, [name, count]: readonly [string, number]): number {
  return name === 'oldest_queued_age' ? sum : sum + count;
}

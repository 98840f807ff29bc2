import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Failure, Job } from './job.js';

/** By the real clock, for one seed: JavaScript that never comes to an end cannot be stopped from within. */
const HANG_MS = 120_000;
/** Most of what is made in a simulation is gone soon. */
const MEMORY = '--max-semi-space-size=32';

type Message = { readonly seed: number } | { readonly failures: readonly Failure[] };

/** What came of a job. */
export interface Report {
  readonly job: Job;
  /** How many seeds were simulated. */
  readonly seeds: number;
  readonly failures: readonly Failure[];
}

/** Processes that simulate side by side. One that hangs or ends at a seed is replaced, and that seed has failed. */
export class Crew {
  private readonly idle: ChildProcess[] = [];
  private readonly all = new Set<ChildProcess>();

  constructor(private readonly size: number) {}

  /** Does the jobs, as many side by side as there are processes. */
  async run(jobs: readonly Job[], onReport: (report: Report) => void = () => undefined): Promise<Report[]> {
    const reports: Report[] = [];
    const left = jobs.toReversed();
    const work = async () => {
      for (let job = left.pop(); job !== undefined; job = left.pop()) {
        const report = await this.whole(job);
        reports.push(report);
        onReport(report);
      }
    };
    await Promise.all(Array.from({ length: this.size }, work));
    return reports;
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    const ended = Array.from(this.all, (child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.all) child.kill('SIGKILL');
    await Promise.all(ended);
  }

  /** Goes on behind a seed that ended its process. */
  private async whole(job: Job): Promise<Report> {
    const failures: Failure[] = [];
    let [next, seeds] = [job.first, 0];
    const last = job.first + job.seeds;
    while (next < last) {
      const stretch = await this.part({ ...job, first: next, seeds: last - next });
      seeds += stretch.next - next;
      next = stretch.next;
      failures.push(...stretch.failures);
      if (stretch.isWhole) break;
    }
    return { job, seeds, failures };
  }

  private async part(job: Job): Promise<{ next: number; failures: readonly Failure[]; isWhole: boolean }> {
    const child = this.idle.pop() ?? this.start();
    let next = job.first;
    return new Promise((resolve) => {
      let alarm: NodeJS.Timeout | undefined;
      const watch = () => {
        clearTimeout(alarm);
        alarm = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
      };
      const end = (failures: readonly Failure[], isWhole: boolean) => {
        clearTimeout(alarm);
        child.off('message', hear).off('exit', fail);
        if (isWhole) this.idle.push(child);
        resolve({ next, failures, isWhole });
      };
      const hear = (message: Message) => {
        watch();
        if ('failures' in message) end(message.failures, true);
        else next = message.seed + 1;
      };
      const fail = () => {
        const failure = { seed: next, lines: ['the process hung or ended'] };
        next += 1;
        end([failure], false);
      };
      child.on('message', hear).once('exit', fail);
      watch();
      child.send(job);
    });
  }

  private start(): ChildProcess {
    const isSource = import.meta.url.endsWith('.ts');
    const hooks = new URL('../support/typescript.hooks.mjs', import.meta.url).href;
    const execArgv = [MEMORY, '--no-warnings', ...(isSource ? ['--import', hooks] : [])];
    const file = fileURLToPath(new URL(`./seed.worker.${isSource ? 'ts' : 'js'}`, import.meta.url));
    const child = fork(file, [], { execArgv });
    this.all.add(child);
    child.once('exit', () => this.all.delete(child));
    return child;
  }
}

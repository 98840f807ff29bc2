import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, type TaskInput } from '../../src/client/index.js';
import { type FalseAnswer, FaultProxy, type NetworkMode } from './fault-proxy.js';
import { endWithParent } from './server-process.js';
import { ServiceProcess } from './service-process.js';
import { until } from './until.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Step = Readonly<Partial<Steps>>;

interface Steps {
  enqueue: TaskInput;
  enqueueText: string;
  answer: FalseAnswer;
  answered: string;
  start: object;
  event: Readonly<Record<string, unknown>>;
  until: { readonly id: string } & Readonly<Record<string, unknown>>;
  network: NetworkMode;
  refuse: number;
  loseAnswer: string;
  service: 'kill' | 'start';
  open: string;
  cancel: string;
  claim: string;
  signal: NodeJS.Signals;
  drain: string;
  exit: number;
  hold: string;
  letGo: true;
  closeIdle: true;
  connections: number;
  ask: string;
  never: Readonly<Record<string, unknown>>;
  clean: true;
  refused: true;
  output: { readonly id: string; readonly text: string };
  attempts: { readonly id: string; readonly outcomes: readonly string[] };
}

export interface Scenario {
  readonly name: string;
  readonly worker: object;
  readonly steps: readonly Step[];
}

type Line = Readonly<Record<string, unknown>>;

/** Plays scenarios with one worker program: a real service, and a proxy before it that makes the faults. */
export class ScenarioStage {
  private readonly acts: { readonly [Name in keyof Steps]: (given: Steps[Name]) => unknown } = {
    enqueue: (task) => this.client.enqueue(task),
    enqueueText: (body) => this.enqueueText(body),
    answer: (answer) => this.proxy.answers.push(answer),
    answered: (path) => until(() => !this.proxy.answers.some((each) => each.path === path)),
    start: (options) => this.startWorker(options),
    event: (wanted) => until(() => this.sees(wanted)),
    until: ({ id, ...fields }) => until(async () => matches(fields, await this.client.get(id))),
    network: (mode) => (this.proxy.network = mode),
    refuse: (count) => (this.proxy.refusals = count),
    loseAnswer: (path) => (this.proxy.lossAt = path),
    service: (act) => (act === 'kill' ? this.killService() : this.startService()),
    open: (id) => this.worker?.stdin?.write(`open ${id}\n`),
    cancel: (id) => this.client.cancel(id),
    claim: () => this.client.claim({ worker_id: 'another', lease: 60 }),
    signal: (signal) => this.worker?.kill(signal),
    drain: (id) => this.client.request({ method: 'POST', path: `workers/${id}/drain`, body: {} }),
    exit: (code) => this.workerEnded(code),
    hold: (path) => this.proxy.holdAnswers(path),
    letGo: () => this.proxy.holdAnswers(undefined),
    closeIdle: () => this.proxy.closeIdle(),
    connections: (most) => this.compareConnections(most),
    ask: (line) => this.worker?.stdin?.write(`${line}\n`),
    never: (fields) => this.neverSaw(fields),
    clean: () => this.printsNoControls(),
    refused: () => this.workerRefused(),
    output: ({ id, text }) => this.compareOutput(id, text),
    attempts: ({ id, outcomes }) => this.compareAttempts(id, outcomes),
  };
  private worker: ChildProcess | undefined;
  private lines: Line[] = [];
  private said: readonly Line[] = [];
  private printed = '';
  private scenario: Scenario | undefined;

  private constructor(
    private readonly program: readonly [string, ...string[]],
    private readonly directory: string,
    private service: ServiceProcess,
    private readonly proxy: FaultProxy,
    private readonly client: Client,
  ) {}

  static async open(program: readonly [string, ...string[]], directory: string): Promise<ScenarioStage> {
    const service = await ServiceProcess.start({ DATA_DIR: directory });
    const proxy = await FaultProxy.to(service.port);
    return new ScenarioStage(program, directory, service, proxy, new Client({ url: service.url }));
  }

  /** @throws Error which says what did not happen, and what the worker printed */
  async play(scenario: Scenario): Promise<void> {
    this.scenario = scenario;
    this.lines = [];
    this.said = [];
    this.printed = '';
    this.proxy.connections = 0;
    // A scenario that failed may have left it so.
    if (this.service.child.exitCode !== null || this.service.child.signalCode !== null)
      await this.startService();
    await this.client.clear({ all: true });
    try {
      for (const step of scenario.steps) await this.act(step);
    } finally {
      this.killWorker();
      this.proxy.network = 'pass';
      this.proxy.refusals = 0;
      this.proxy.lossAt = undefined;
      this.proxy.answers = [];
      this.proxy.holdAnswers(undefined);
    }
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.service.stop();
  }

  private async act(step: Step): Promise<void> {
    for (const [name, given] of Object.entries(step)) {
      try {
        await (this.acts[name as keyof Steps] as (given: unknown) => unknown)(given);
      } catch (cause) {
        throw new Error(`${JSON.stringify(step)} failed; the worker printed:\n${this.printed}`, { cause });
      }
    }
  }

  /** As it is: a parser on the way would change its numbers. */
  private async enqueueText(body: string): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${this.service.url}/tasks`, { method: 'POST', headers, body });
    if (answer.status !== 201) throw new Error(await answer.text());
  }

  private startWorker(options: object): void {
    const [program, ...args] = this.program;
    const { proxy, scenario } = this;
    const settings = {
      url: `http://127.0.0.1:${proxy.port}`,
      worker_id: 'worker',
      ...scenario?.worker,
      ...options,
    };
    const { PATH } = process.env;
    const child = spawn(program, [...args, JSON.stringify(settings)], {
      cwd: ROOT,
      env: { PATH, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: 'pipe',
      // A group of its own: what it has started ends with it.
      detached: true,
    });
    endWithParent(child);
    child.stderr.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.printed += `${line}\n`;
      const said = JSON.parse(line) as Line;
      this.lines.push(said);
      this.said = [...this.said, said];
    });
    this.worker = child;
  }

  /** And what it has started, which would take the tasks of the next scenario. */
  private killWorker(): void {
    try {
      if (this.worker?.pid !== undefined) process.kill(-this.worker.pid, 'SIGKILL');
    } catch {
      // Nothing is left of it.
    }
  }

  /** Whether a line has these fields; it and those before it are then done with. */
  private sees(wanted: Line): boolean {
    const found = this.lines.findIndex((line) => matches(wanted, line));
    this.lines.splice(0, found + 1);
    return found >= 0;
  }

  private async killService(): Promise<void> {
    this.service.signal('SIGKILL');
    await this.service.exited;
  }

  private async startService(): Promise<void> {
    const PORT = String(this.service.port);
    this.service = await ServiceProcess.start({ DATA_DIR: this.directory, PORT });
  }

  private async workerEnded(wanted: number): Promise<void> {
    const child = this.worker;
    if (child === undefined) throw new Error('No worker was started');
    if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(60_000) });
    if (child.exitCode !== wanted) throw new Error(`The worker ended with ${child.exitCode}`);
  }

  private async workerRefused(): Promise<void> {
    const child = this.worker;
    if (child === undefined) throw new Error('No worker was started');
    if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(60_000) });
    if (child.exitCode === 0) throw new Error('The worker ended as if nothing was wrong');
  }

  private neverSaw(fields: Line): void {
    const found = this.said.find((line) => matches(fields, line));
    if (found !== undefined) throw new Error(`It said ${JSON.stringify(found)}`);
  }

  /** Nothing that a terminal would obey, but line breaks and tabs. */
  private printsNoControls(): void {
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(this.printed))
      throw new Error(JSON.stringify(this.printed));
  }

  private compareConnections(most: number): void {
    const { connections } = this.proxy;
    if (connections > most) throw new Error(`${connections} connections were opened`);
  }

  private async compareOutput(id: string, wanted: string): Promise<void> {
    const text = await this.client.outputText(id);
    if (text !== wanted) throw new Error(`The output is ${text}`);
  }

  private async compareAttempts(id: string, wanted: readonly string[]): Promise<void> {
    const outcomes = (await this.client.attempts(id)).map(({ outcome }) => outcome);
    if (outcomes.join() !== wanted.join()) throw new Error(`The attempts ended as ${outcomes.join()}`);
  }
}

function matches(wanted: Line, given: object): boolean {
  return Object.entries(wanted).every(([name, value]) => (given as Line)[name] === value);
}

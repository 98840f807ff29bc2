import { SeededRandom } from '../support/store-random.js';
import type { KeyState } from './keys.js';
import { type Ms, WEATHERS } from './scheduler.js';
import type { StoreKind } from './stores.js';

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** A task as a producer wishes it: members of `POST /tasks`. */
export interface Wish {
  readonly eval_id: string;
  readonly queue: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly ttl?: number;
  readonly group?: string;
  readonly requires?: Labels;
  readonly batch_id?: string;
  readonly callback_url?: string;
  readonly max_attempts?: number;
  readonly max_interruptions?: number;
  readonly timeout?: number;
  readonly code: string;
}

/** What a worker does with what it gets. */
export interface Work {
  readonly ending: 'complete' | 'fail' | 'release' | 'vanish' | 'beat' | 'in bulk' | 'and next';
  readonly after: Ms;
  /** How long the text of an error is. */
  readonly errorLength: number;
}

export interface Poll {
  readonly do: 'poll';
  readonly worker?: string;
  readonly queues: readonly string[];
  /** In seconds. */
  readonly wait: number;
  readonly max: number;
  readonly labels?: Labels;
  readonly claimId?: string;
  /** In seconds. */
  readonly lease?: number;
  readonly work: Work;
  /** With a key that may be withdrawn. */
  readonly isKeyed?: boolean;
  /** Leaves before it has the whole answer. */
  readonly hangsUpAfter?: Ms;
  /** How late it reads the answer. */
  readonly readsAfter: Ms;
  /** Asks once more with the same `claim_id`, this long after it left. */
  readonly asksAgainAfter?: Ms;
}

export type Deed =
  | { readonly do: 'enqueue'; readonly task: Wish }
  | {
      readonly do: 'enqueue all';
      readonly tasks: readonly Wish[];
      readonly batch?: { readonly id: string; readonly maxFailures?: number; readonly callback?: string };
    }
  | Poll
  | { readonly do: 'await task'; readonly id: string; readonly wait: number; readonly hangsUpAfter?: Ms }
  | { readonly do: 'await batch'; readonly id: string; readonly wait: number; readonly hangsUpAfter?: Ms }
  | { readonly do: 'set'; readonly queue: string; readonly change: Readonly<Record<string, unknown>> }
  | { readonly do: 'clear'; readonly queue?: string; readonly status?: string }
  | { readonly do: 'cancel' | 'redrive' | 'remove'; readonly id: string }
  | { readonly do: 'redrive all'; readonly status: string }
  | { readonly do: 'cancel batch' | 'redrive batch'; readonly id: string }
  | { readonly do: 'drain' | 'resume'; readonly worker: string }
  | {
      readonly do: 'schedule';
      readonly id: string;
      readonly cron: string;
      readonly queue: string;
      readonly catchUp: string;
    }
  | { readonly do: 'unschedule'; readonly id: string }
  | { readonly do: 'receiver answers'; readonly status: number; readonly afterMs: Ms }
  | { readonly do: 'send webhooks again' }
  | { readonly do: 'look' }
  | { readonly do: 'list'; readonly limit: number; readonly status?: string }
  | { readonly do: 'lose the store'; readonly forMs: Ms }
  | { readonly do: 'restart' | 'kill' | 'reopen' }
  | { readonly do: 'set the clock'; readonly byMs: Ms }
  | { readonly do: 'change the key'; readonly to: KeyState }
  | { readonly do: 'crowd'; readonly queues: number }
  | { readonly do: 'break a write'; readonly after: number }
  | { readonly do: 'break a read' }
  | { readonly do: 'rest' };

export type Step = Deed & { readonly at: Ms; readonly replica: number };

/** Settings of the service that differ from one simulation to the next. */
export interface Flavour {
  readonly retentionSeconds: number;
  readonly retentionMaxTasks: number;
  readonly retentionMaxBytes: number;
}

/** Everything that happens from outside. The same plan with the same schedule is the same run. */
export interface Plan {
  readonly seed: number;
  readonly theme: ThemeName;
  readonly store: StoreKind;
  readonly replicas: number;
  /** Decides how long everything takes, and what comes first of what happens at one instant. */
  readonly schedule: number;
  readonly weather: number;
  readonly flavour: Flavour;
  readonly steps: readonly Step[];
}

const ROOMY: Flavour = {
  retentionSeconds: 86_400,
  retentionMaxTasks: 1_000_000,
  retentionMaxBytes: 1_000_000_000,
};

type DeedName = Deed['do'];

export interface Theme {
  /** How often each deed comes, against the others. */
  readonly deeds: Partial<Record<DeedName, number>>;
  readonly queues: readonly string[];
  readonly stores: readonly StoreKind[];
  readonly replicas?: number;
  readonly flavour?: Partial<Flavour>;
  /** What queues are set to. */
  readonly settings?: readonly Readonly<Record<string, unknown>>[];
  /** Set before anything else happens. */
  readonly first?: Readonly<Record<string, unknown>>;
  readonly hasGroups?: boolean;
  readonly hasLabels?: boolean;
  readonly hasPriorities?: boolean;
  readonly hasTimes?: boolean;
  readonly hasBatches?: boolean;
  readonly hasCallbacks?: boolean;
  readonly hasClaimIds?: boolean;
  readonly hangUps?: boolean;
  /** How many ids tasks have: few of them come again. */
  readonly ids?: number;
  readonly bulk?: number;
  readonly errorLength?: number;
  readonly bursts?: number;
  /** Every other gap between bursts is a long one. */
  readonly isPatient?: boolean;
  readonly isSeldom?: boolean;
  readonly hasKeys?: boolean;
  /** What schedules may do about due times that were missed. */
  readonly catchUps?: readonly string[];
}

const BOTH = ['reference', 'embedded'] as const;
const REFERENCE = ['reference'] as const;
const EMBEDDED = ['embedded'] as const;

const RATES = [
  { rate_limit: { tasks: 1, per: 10 } },
  { rate_limit: { tasks: 1, per: 0.4 } },
  { rate_limit: { tasks: 2, per: 1 } },
  { rate_limit: null },
];
const LIMITS = [
  { max_concurrency: 1 },
  { max_concurrency: 3 },
  { max_concurrency: null },
  { max_concurrency_per_group: 0 },
  { max_concurrency_per_group: 1 },
  { max_concurrency_per_group: null },
  { paused: true },
  { paused: false },
];

const THEMES = {
  plain: {
    deeds: { enqueue: 8, 'enqueue all': 2, poll: 10, 'await task': 3, cancel: 1, look: 1, list: 1 },
    queues: ['default'],
    stores: BOTH,
    hasTimes: true,
    hasPriorities: true,
    hangUps: true,
  },
  rates: {
    deeds: { enqueue: 6, poll: 9, set: 2, cancel: 1, 'await task': 1 },
    queues: ['a'],
    stores: BOTH,
    hasLabels: true,
    settings: [...RATES, { paused: true }, { paused: false }],
    first: { rate_limit: { tasks: 1, per: 10 } },
    hangUps: true,
  },
  limits: {
    deeds: { enqueue: 7, 'enqueue all': 2, poll: 9, set: 3, cancel: 1, redrive: 1 },
    queues: ['a', 'b'],
    stores: BOTH,
    hasGroups: true,
    hasLabels: true,
    hasTimes: true,
    settings: LIMITS,
    hangUps: true,
  },
  claims: {
    deeds: { enqueue: 7, poll: 12, cancel: 1, drain: 1, resume: 1, look: 1 },
    queues: ['default', 'b'],
    stores: BOTH,
    hasClaimIds: true,
    hangUps: true,
    hasLabels: true,
  },
  batches: {
    deeds: {
      ...{ 'enqueue all': 7, poll: 9, 'await batch': 3, 'cancel batch': 1, 'redrive batch': 2 },
      ...{ cancel: 1, 'redrive all': 1, look: 1 },
    },
    queues: ['default', 'b'],
    stores: BOTH,
    hasBatches: true,
    hasCallbacks: true,
    bulk: 4,
    ids: 24,
    bursts: 5,
  },
  clears: {
    deeds: { enqueue: 5, 'enqueue all': 2, poll: 7, 'await task': 5, 'await batch': 3, clear: 3, remove: 1 },
    queues: ['default', 'b'],
    stores: BOTH,
    hasBatches: true,
    ids: 12,
  },
  conflicts: {
    deeds: { enqueue: 8, 'enqueue all': 3, poll: 3, redrive: 1 },
    queues: ['default'],
    stores: BOTH,
    hasLabels: true,
    hasTimes: true,
    ids: 5,
  },
  depth: {
    deeds: { enqueue: 5, 'enqueue all': 8, poll: 4, set: 1, clear: 1 },
    queues: ['a'],
    stores: BOTH,
    settings: [{ max_depth: 3 }, { max_depth: 6 }],
    first: { max_depth: 4 },
    ids: 10,
    bulk: 5,
  },
  ageing: {
    deeds: { enqueue: 9, poll: 4, set: 1, 'await task': 1 },
    queues: ['a'],
    stores: BOTH,
    settings: [{ priority_ageing: 0.5 }, { priority_ageing: 5 }, { priority_ageing: null }],
    first: { priority_ageing: 1 },
    hasPriorities: true,
  },
  webhooks: {
    deeds: {
      ...{
        enqueue: 7,
        'enqueue all': 1,
        poll: 8,
        cancel: 1,
        'receiver answers': 4,
        'send webhooks again': 2,
      },
      ...{ 'lose the store': 2 },
    },
    queues: ['default'],
    stores: REFERENCE,
    hasCallbacks: true,
    hasBatches: true,
    bursts: 6,
    isPatient: true,
  },
  receivers: {
    deeds: { enqueue: 5, poll: 6, 'receiver answers': 3, 'send webhooks again': 2 },
    queues: ['default'],
    stores: EMBEDDED,
    hasCallbacks: true,
    isPatient: true,
  },
  schedules: {
    deeds: { schedule: 3, unschedule: 1, poll: 5, set: 1, look: 1, 'lose the store': 1, enqueue: 1 },
    queues: ['default', 'b'],
    stores: BOTH,
    settings: [{ max_depth: 2 }, { max_depth: null }],
  },
  replicas: {
    deeds: {
      ...{ enqueue: 7, 'enqueue all': 2, poll: 10, 'await task': 3, 'await batch': 1, set: 2, clear: 1 },
      ...{ cancel: 1, redrive: 1, 'lose the store': 1, restart: 1, drain: 1, resume: 1 },
    },
    queues: ['a', 'b'],
    stores: REFERENCE,
    replicas: 2,
    hasGroups: true,
    hasLabels: true,
    hasTimes: true,
    hasBatches: true,
    hangUps: true,
    hasClaimIds: true,
    settings: [...RATES, ...LIMITS],
  },
  clocks: {
    deeds: { enqueue: 8, poll: 9, 'set the clock': 4, schedule: 3, 'await task': 2, cancel: 1, look: 1 },
    queues: ['default'],
    stores: BOTH,
    hasTimes: true,
    isPatient: true,
    flavour: { retentionSeconds: 300_000_000 },
    catchUps: ['skip', 'one'],
  },
  keys: {
    deeds: { enqueue: 8, poll: 11, 'change the key': 4, 'await task': 2, set: 1, look: 1 },
    queues: ['a', 'b'],
    stores: BOTH,
    hasKeys: true,
    hasClaimIds: true,
    hangUps: true,
    settings: [...RATES, ...LIMITS],
  },
  reopenings: {
    deeds: {
      ...{ enqueue: 8, 'enqueue all': 3, poll: 11, 'await task': 2, 'await batch': 1, clear: 2, set: 1 },
      ...{ cancel: 1, redrive: 1, kill: 4, reopen: 2, look: 1 },
    },
    queues: ['default', 'b'],
    stores: BOTH,
    hasGroups: true,
    hasTimes: true,
    hasBatches: true,
    hasClaimIds: true,
    hangUps: true,
    settings: [...RATES, ...LIMITS],
  },
  mixed: {
    deeds: {
      ...{ enqueue: 9, 'enqueue all': 4, poll: 14, 'await task': 3, 'await batch': 2, set: 4, clear: 1 },
      ...{ cancel: 2, redrive: 2, remove: 1, 'redrive all': 1, 'cancel batch': 1, 'redrive batch': 1 },
      ...{ drain: 1, resume: 1, schedule: 1, unschedule: 1, look: 1, list: 1, restart: 1 },
      ...{ 'receiver answers': 1, 'send webhooks again': 1 },
    },
    queues: ['a', 'b'],
    stores: BOTH,
    hasGroups: true,
    hasLabels: true,
    hasTimes: true,
    hasPriorities: true,
    hasBatches: true,
    hasCallbacks: true,
    hasClaimIds: true,
    hangUps: true,
    settings: [...RATES, ...LIMITS, { max_depth: 5 }, { max_depth: null }, { priority_ageing: 2 }],
    bursts: 5,
  },
  retention: {
    deeds: { enqueue: 6, poll: 9, cancel: 1, redrive: 1, look: 1 },
    queues: ['default'],
    stores: EMBEDDED,
    hasTimes: true,
    flavour: { retentionMaxBytes: 20_000 },
    errorLength: 6_000,
  },
  'broken disk': {
    deeds: {
      ...{ enqueue: 6, 'enqueue all': 4, poll: 8, 'await task': 2, 'break a write': 3, 'break a read': 3 },
      ...{ cancel: 1, list: 1 },
    },
    queues: ['default'],
    stores: EMBEDDED,
    hasTimes: true,
  },
  backlog: {
    deeds: { 'enqueue all': 1, poll: 4, look: 1 },
    queues: ['default'],
    stores: EMBEDDED,
    isSeldom: true,
  },
  crowd: {
    deeds: { look: 2, enqueue: 1, poll: 1, list: 2, crowd: 2 },
    bursts: 1,
    queues: ['default'],
    stores: BOTH,
    isSeldom: true,
  },
} as const satisfies Record<string, Theme>;

export type ThemeName = keyof typeof THEMES;

export const THEME_NAMES = Object.keys(THEMES) as ThemeName[];

export function themeOf(name: ThemeName): Theme {
  return THEMES[name];
}

const OFTEN = THEME_NAMES.filter((name) => !(THEMES[name] as Theme).isSeldom);
/** One plan in so many has a theme that takes long. */
const SELDOM_ONE_IN = 200;

/** Where webhooks go. The first part of the host says who receives. */
export const RECEIVERS = ['http://one.example/hook', 'http://two.example/hook'] as const;
/** An hour and a day ahead, and back; and what a time server does. */
const CLOCK_STEPS: readonly Ms[] = [
  -86_400_000, -3_600_000, -20_000, -900, 700, 15_000, 3_600_000, 86_400_000,
];
const CRONS = ['* * * * * *', '*/2 * * * * *', '*/5 * * * * *'];
const LABELS: readonly Labels[] = [
  { cpu: '4', 'cpu-arch': 'arm' },
  { gpu: 'a100' },
  { gpu: 'a100', os: 'linux' },
  { os: 'linux' },
];
const OFFERS: readonly (Labels | undefined)[] = [
  undefined,
  { gpu: 'a100' },
  { os: 'linux', gpu: 'a100' },
  { cpu: '4', 'cpu-arch': 'arm', os: 'linux' },
];
/** A look at rest, and another one that confirms it, are over before the next burst. */
const REST_MS = 1_300;
const GAPS: readonly Ms[] = [50, 300, 300, 1_400, 1_400, 2_600, 4_000];
/** Long enough for the longest lease, and for a webhook to be tried again. */
const LONG_GAP_MS = 12_000;
const LONG_GAP_ONE_IN = 12;
/** Most plans are small: in the same time more of them find more. */
const LARGE_ONE_IN = 4;

export interface PlanOptions {
  readonly store?: StoreKind;
  readonly theme?: ThemeName;
}

/** The plan of a seed. */
export function planOf(seed: number, options: PlanOptions = {}): Plan {
  return new Planner(seed, options).plan();
}

class Planner {
  private readonly random: SeededRandom;
  private readonly name: ThemeName;
  private readonly theme: Theme;
  private readonly store: StoreKind;
  private readonly wishes = new Map<string, Wish>();
  private tasks = 0;
  private polls = 0;

  constructor(
    private readonly seed: number,
    options: PlanOptions,
  ) {
    this.random = new SeededRandom(seed);
    const isSeldom = this.random.below(SELDOM_ONE_IN) === 0;
    const fitting = (isSeldom ? THEME_NAMES : OFTEN).filter((name) => {
      const { stores }: Theme = THEMES[name];
      return options.store === undefined || stores.includes(options.store);
    });
    this.name = options.theme ?? this.one(fitting);
    this.theme = THEMES[this.name];
    const fits = this.theme.stores.filter((store) => options.store === undefined || store === options.store);
    this.store = this.one(fits.length > 0 ? fits : this.theme.stores);
  }

  plan(): Plan {
    const { theme, random } = this;
    const isLarge = random.below(LARGE_ONE_IN) === 0;
    const bursts = isLarge ? 2 + random.below(theme.bursts ?? 3) : 1 + random.below(theme.bursts ?? 2);
    const most = isLarge ? 12 : 6;
    const steps: Step[] = [];
    let start: Ms = 0;
    const replicas = theme.replicas ?? 1;
    if (theme.first !== undefined) {
      for (const queue of theme.queues)
        steps.push({ do: 'set', queue, change: theme.first, at: 0, replica: 0 });
    }
    for (let burst = 0; burst < bursts; burst += 1) {
      const count = 3 + random.below(most);
      for (let index = 0; index < count; index += 1) {
        // Few different instants, so that much happens at the same one.
        const at =
          start + 20 * random.below(1 + random.below(10)) + (random.below(3) === 0 ? random.below(20) : 0);
        steps.push({ ...this.deed(), at, replica: random.below(replicas) });
      }
      const gap = random.below(theme.isPatient ? 2 : LONG_GAP_ONE_IN) === 0 ? LONG_GAP_MS : this.one(GAPS);
      start += 200 + gap;
      if (gap > REST_MS) steps.push({ do: 'rest', at: start - REST_MS, replica: 0 });
    }
    return {
      seed: this.seed,
      theme: this.name,
      store: this.store,
      replicas,
      schedule: this.seed,
      weather: random.below(WEATHERS.length),
      flavour: { ...ROOMY, ...theme.flavour },
      steps: steps.toSorted((one, other) => one.at - other.at),
    };
  }

  private deed(): Deed {
    const weights = Object.entries(this.theme.deeds) as [DeedName, number][];
    let draw = this.random.below(weights.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [name, weight] of weights) {
      draw -= weight;
      if (draw < 0) return this.make(name);
    }
    return { do: 'look' };
  }

  private make(name: DeedName): Deed {
    const { random, theme } = this;
    switch (name) {
      case 'enqueue':
        return { do: 'enqueue', task: this.wish() };
      case 'enqueue all':
        return this.many();
      case 'poll':
        return this.poll();
      case 'await task':
        return {
          do: name,
          id: this.id(),
          wait: this.wait(),
          hangsUpAfter: this.maybe(6, () => random.below(900)),
        };
      case 'await batch':
        return {
          do: name,
          id: this.batch(),
          wait: this.wait(),
          hangsUpAfter: this.maybe(6, () => random.below(900)),
        };
      case 'set':
        return { do: 'set', queue: this.queue(), change: this.one(theme.settings ?? [{ paused: false }]) };
      case 'clear':
        return {
          do: 'clear',
          queue: this.maybe(2, () => this.queue()),
          status: this.maybe(4, () => this.one(['queued', 'completed', 'processing'])),
        };
      case 'cancel':
      case 'redrive':
      case 'remove':
        return { do: name, id: this.id() };
      case 'redrive all':
        return { do: name, status: this.one(['failed', 'expired', 'cancelled']) };
      case 'cancel batch':
      case 'redrive batch':
        return { do: name, id: this.batch() };
      case 'drain':
      case 'resume':
        return { do: name, worker: this.worker() };
      case 'schedule':
        return {
          do: 'schedule',
          id: this.one(['s1', 's2']),
          cron: this.one(CRONS),
          queue: this.queue(),
          catchUp: this.one(theme.catchUps ?? ['skip', 'one', 'all']),
        };
      case 'unschedule':
        return { do: 'unschedule', id: this.one(['s1', 's2']) };
      case 'receiver answers':
        return {
          do: name,
          status: this.one([200, 200, 500, 500, 410, 0]),
          afterMs: this.one([0, 0, 50, 900]),
        };
      case 'lose the store':
        return { do: name, forMs: this.one([50, 400, 1_500]) };
      case 'list':
        return { do: 'list', limit: this.one([1, 2, 100]), status: this.maybe(2, () => 'queued') };
      case 'set the clock':
        return { do: name, byMs: this.one(CLOCK_STEPS) };
      case 'change the key':
        return { do: name, to: this.one(['withdrawn', 'limited', 'whole']) };
      case 'crowd':
        return { do: 'crowd', queues: this.one([400, 150_000]) };
      case 'break a write':
        return { do: 'break a write', after: random.below(4) };
      case 'send webhooks again':
      case 'look':
      case 'restart':
      case 'kill':
      case 'reopen':
      case 'break a read':
      case 'rest':
        return { do: name };
    }
  }

  private wish(): Wish {
    const { theme, random } = this;
    const id = this.freshId();
    const known = this.wishes.get(id);
    // The same task again, now and then with other content.
    if (known !== undefined && random.below(8) > 0) return known;
    const wish: Wish = {
      eval_id: id,
      queue: this.queue(),
      code: `${id} ${random.below(1_000)}`,
      priority: theme.hasPriorities ? random.below(5) - 2 : undefined,
      group: theme.hasGroups ? this.maybe(2, () => this.one(['g1', 'g2', 'g3'])) : undefined,
      requires: theme.hasLabels ? this.maybe(2, () => this.one(LABELS)) : undefined,
      delay: theme.hasTimes ? this.maybe(6, () => this.one([0.1, 1, 3])) : undefined,
      ttl: theme.hasTimes ? this.maybe(6, () => this.one([0.2, 2, 5])) : undefined,
      batch_id: theme.hasBatches ? this.maybe(5, () => this.batch()) : undefined,
      callback_url: theme.hasCallbacks ? this.maybe(2, () => this.one(RECEIVERS)) : undefined,
      max_attempts: this.maybe(2, () => 1 + random.below(4)),
      max_interruptions: this.maybe(4, () => random.below(2)),
      timeout: this.maybe(2, () => this.one([1, 5])),
    };
    this.wishes.set(id, wish);
    return wish;
  }

  private many(): Deed {
    const { theme, random } = this;
    const id = this.maybe(2, () => this.batch());
    if (this.name === 'backlog') {
      const tasks = Array.from({ length: 900 }, () => {
        this.tasks += 1;
        return { eval_id: `t${this.tasks}`, queue: 'default', code: 'x', ttl: this.one([0.2, 0.3]) };
      });
      return { do: 'enqueue all', tasks };
    }
    const count = 1 + random.below(theme.bulk ?? 3);
    const wishes = Array.from({ length: count }, () => this.wish());
    const tasks = [...new Map(wishes.map((wish) => [wish.eval_id, wish])).values()];
    const batch =
      id === undefined || !theme.hasBatches
        ? undefined
        : {
            id,
            maxFailures: this.maybe(5, () => random.below(2)),
            callback: theme.hasCallbacks ? this.maybe(2, () => this.one(RECEIVERS)) : undefined,
          };
    return { do: 'enqueue all', tasks, batch };
  }

  private poll(): Poll {
    const { theme, random } = this;
    this.polls += 1;
    const hasId = theme.hasClaimIds && random.below(2) === 0;
    const worker = random.below(8) === 0 && !hasId ? undefined : this.worker();
    const hangsUpAfter = theme.hangUps ? this.maybe(4, () => this.one([0, 5, 40, 400, 2_000])) : undefined;
    return {
      do: 'poll',
      worker,
      queues: random.below(3) === 0 ? theme.queues : [this.queue()],
      wait: this.wait(),
      max: 1 + random.below(3),
      // Who gives no name can give no labels.
      labels: theme.hasLabels && worker !== undefined ? this.one(OFFERS) : undefined,
      claimId: hasId ? `${worker}-${this.one([this.polls, 0])}` : undefined,
      lease: this.maybe(2, () => this.one([1, 3, 10])),
      work: {
        ending: this.one([
          'complete',
          'complete',
          'complete',
          'fail',
          'fail',
          'release',
          'vanish',
          'beat',
          'in bulk',
          'and next',
        ]),
        after: this.one([0, 0, 30, 300, 1_500]),
        errorLength: random.below(2) * (theme.errorLength ?? 5),
      },
      hangsUpAfter,
      readsAfter: this.one([0, 0, 10, 60]),
      isKeyed: theme.hasKeys ? random.below(4) > 0 : undefined,
      asksAgainAfter: hasId && hangsUpAfter !== undefined ? this.one([0, 0, 10]) : undefined,
    };
  }

  private wait(): number {
    return this.one([0, 0.1, 2, 20, 60]);
  }

  private queue(): string {
    return this.one(this.theme.queues);
  }

  private worker(): string {
    return `w${1 + this.random.below(3)}`;
  }

  private batch(): string {
    return this.one(['x', 'y']);
  }

  private id(): string {
    return `t${1 + this.random.below(Math.max(this.tasks, 1))}`;
  }

  private freshId(): string {
    const { ids = 1_000 } = this.theme;
    if (this.tasks < ids && (this.tasks === 0 || this.random.below(6) > 0)) this.tasks += 1;
    else return this.id();
    return `t${this.tasks}`;
  }

  private maybe<T>(oneIn: number, make: () => T): T | undefined {
    return this.random.below(oneIn) === 0 ? make() : undefined;
  }

  private one<T>(items: readonly T[]): T {
    return items[this.random.below(items.length)] as T;
  }
}

/** A plan as a person reads it. */
export function scriptOf(plan: Plan): string[] {
  const { seed, theme, store, replicas, weather, schedule, steps } = plan;
  const kind = `${store} store, ${replicas} ${replicas === 1 ? 'process' : 'processes'}`;
  return [
    `seed ${seed}, theme ${theme}: ${kind}, ${WEATHERS[weather]?.name} weather, schedule ${schedule}`,
    ...steps.map(({ at, replica, do: deed, ...rest }) => {
      const where = replicas > 1 ? ` at ${replica}` : '';
      const details = JSON.stringify(rest);
      return `${String(at).padStart(7)} ms${where}  ${deed} ${details === '{}' ? '' : details}`.trimEnd();
    }),
  ];
}

/** Random life stories of one task: what producers, workers, an admin and the clock do to it, in any order. */
import fc from 'fast-check';
import type { TaskSpec } from '../../../src/task/task.js';
import { spec } from '../../support/task.builders.js';

/** Counts back from the latest lease; `none` for a worker that knows no leases. */
export type LeaseChoice = number | 'none';

export type Action =
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'setWall'; readonly shift: number }
  | { readonly kind: 'time' }
  | { readonly kind: 'claim'; readonly lease?: number }
  | { readonly kind: 'heartbeat'; readonly choice: LeaseChoice; readonly extend?: number }
  | { readonly kind: 'complete'; readonly choice: LeaseChoice }
  | {
      readonly kind: 'fail';
      readonly choice: LeaseChoice;
      readonly outcome?: 'failed' | 'lost';
      readonly isRetryable?: boolean;
      readonly retryAfter?: number;
      readonly random: number;
    }
  | { readonly kind: 'release'; readonly choice: LeaseChoice; readonly delay?: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'reprioritize'; readonly priority: number }
  | { readonly kind: 'redrive' };

export interface Story {
  readonly spec: TaskSpec;
  readonly actions: readonly Action[];
}

// Few and small values, so that deadlines meet each other and the clock often shows exactly one of them.
const seconds = fc.integer({ min: 0, max: 6 });
const maybeSeconds = fc.option(seconds, { nil: undefined });
const choice: fc.Arbitrary<LeaseChoice> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 2, arbitrary: fc.constant('none' as const) },
);
const random = fc.constantFrom(0, 0.5, 0.999);

function kind<K extends Action['kind']>(name: K): fc.Arbitrary<K> {
  return fc.constant(name);
}

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: kind('wait'), milliseconds: fc.constantFrom(1, 500, 1_000, 3_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('setWall'), shift: fc.constantFrom(-5_000, 5_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('time') }) },
  { weight: 6, arbitrary: fc.record({ kind: kind('claim'), lease: maybeSeconds }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('heartbeat'), choice, extend: maybeSeconds }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('complete'), choice }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kind('fail'),
      choice,
      outcome: fc.constantFrom(undefined, 'failed' as const, 'lost' as const),
      isRetryable: fc.constantFrom(undefined, true, false),
      retryAfter: maybeSeconds,
      random,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kind('release'), choice, delay: maybeSeconds }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('cancel') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('reprioritize'), priority: fc.constantFrom(1, 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('redrive') }) },
);

const deadline = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ ttl: seconds }) },
  { weight: 1, arbitrary: fc.record({ deadline: seconds }) },
  { weight: 1, arbitrary: fc.record({ expiresAt: fc.constantFrom(2_000, 5_000, 20_000) }) },
);

const start = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ delay: seconds }) },
  { weight: 1, arbitrary: fc.record({ runAt: fc.constantFrom(0, 3_000) }) },
);

const specs: fc.Arbitrary<TaskSpec> = fc
  .record({
    timeout: fc.integer({ min: 1, max: 3 }),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    maxInterruptions: fc.integer({ min: 0, max: 2 }),
    backoff: fc.record({
      type: fc.constantFrom('exponential' as const, 'fixed' as const),
      delay: seconds,
      maxDelay: seconds,
      jitter: fc.constantFrom(0, 0.5),
    }),
    deadline,
    start,
  })
  .map(({ deadline: byWhen, start: fromWhen, ...asked }) => spec({ ...asked, ...byWhen, ...fromWhen }));

export const stories: fc.Arbitrary<Story> = fc.record({
  spec: specs,
  actions: fc.array(action, { minLength: 1, maxLength: 40 }),
});

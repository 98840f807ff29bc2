import { buildMessage, ValidateBy } from 'class-validator';
import { LIMITS, QUEUE_NAME } from './dto/limits.js';

/** The queues of a claim: in order, or with weights. */
export type QueueChoice = readonly string[] | Readonly<Record<string, number>>;

const MIN_WEIGHT = 0.001;
const MAX_WEIGHT = 1_000_000;

export function isQueueChoice(value: unknown): value is QueueChoice {
  if (typeof value !== 'object' || value === null) return false;
  const names: readonly unknown[] = Array.isArray(value) ? value : Object.keys(value);
  const isRightLength = names.length >= 1 && names.length <= LIMITS.queuesPerClaim;
  if (!isRightLength || !names.every((name) => typeof name === 'string' && QUEUE_NAME.test(name)))
    return false;
  return Array.isArray(value) || Object.values(value).every(isWeight);
}

/** Accepts a list of queue names, or an object with weights. */
export function IsQueueChoice(): PropertyDecorator {
  const message =
    `$property must be a list of 1 to ${LIMITS.queuesPerClaim} names of queues, or an object that gives each a weight ` +
    `of ${MIN_WEIGHT} to ${MAX_WEIGHT}`;
  const defaultMessage = buildMessage(() => message);
  return ValidateBy({
    name: 'isQueueChoice',
    constraints: [isQueueChoice],
    validator: { validate: isQueueChoice, defaultMessage },
  });
}

export function namesIn(choice: QueueChoice): readonly string[] {
  return isList(choice) ? choice : Object.keys(choice);
}

/**
 * The queue order of one claim. With weights, each place is drawn at random among the remaining queues. A queue with
 * three times the weight comes first three times as often, and empty queues cost the others nothing.
 */
export function orderOf(choice: QueueChoice, random: () => number = Math.random): readonly string[] {
  if (isList(choice)) return choice;
  return Object.entries(choice)
    .map(([name, weight]) => ({ name, at: -Math.log(1 - random()) / weight }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ name }) => name);
}

function isList(choice: QueueChoice): choice is readonly string[] {
  return Array.isArray(choice);
}

function isWeight(value: unknown): boolean {
  return typeof value === 'number' && value >= MIN_WEIGHT && value <= MAX_WEIGHT;
}

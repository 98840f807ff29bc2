import { TASKS_PER_COMMIT } from '../../storage/task-store.js';

/** Names that are part of an address and cannot be the name of a task. */
const RESERVED = ['next', 'claim', 'batch', 'complete', 'heartbeat', 'redrive'];

export const EVAL_ID = new RegExp(`^(?!(?:${RESERVED.join('|')})$)[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`);
export const QUEUE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
export const BATCH_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Worker and claim ids go to logs, events and headers: visible ASCII without quotes and brackets. */
export const WORKER_ID = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}$/;
export const LABEL = /^[A-Za-z0-9][A-Za-z0-9 ._:@/+#-]{0,127}$/;
/** Anything a person may call a user or a team, without control characters. */
export const GROUP = /^[^\p{Cc}\p{Cs}]{1,128}$/u;
/** Labels and values stand in one text, see `signatureOf`: no comma, no equals sign, no blank. */
export const REQUIRED_LABEL = /^[A-Za-z][A-Za-z0-9._/-]{0,62}$/;
export const REQUIRED_VALUE = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,62}$/;
export const LEASE_ID = /^[A-Za-z0-9_-]{1,128}$/;

export const LIMITS = {
  /** Seconds. */
  timeout: 86_400,
  /** Seconds: a year and a day. */
  delay: 31_622_400,
  /** Seconds. */
  backoff: 86_400,
  /** Characters of an address. */
  webAddress: 2048,
  priority: 1000,
  attempts: 100,
  /** Seconds that a poll may be parked. */
  wait: 60,
  tasksPerClaim: 100,
  tasksPerBatch: TASKS_PER_COMMIT,
  maxFailures: 1_000_000_000,
  queuesPerClaim: 50,
  /** Labels that a task may require. */
  requires: 8,
  /** Labels that a worker may offer. */
  labels: 32,
  /** Bytes of labels as JSON. */
  labelsBytes: 8192,
  pageSize: 1000,
  redrive: 100_000,
  labelsMessage:
    'a label begins with a letter and has at most 63 of A-Z a-z 0-9 . _ / -, its value is a text that begins with a letter or digit and has at most 63 of A-Z a-z 0-9 . _ : / @ + -',
  groupMessage: 'group must have 1 to 128 characters and no control characters',
  evalIdMessage: `eval_id must begin with a letter or digit, have at most 128 of A-Z a-z 0-9 . _ : - and be none of ${RESERVED.join(', ')}`,
} as const;

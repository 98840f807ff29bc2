import { TASKS_PER_COMMIT } from '../../storage/task-store.js';

/** Reserved path segments, which are not valid task ids. */
const RESERVED = ['next', 'claim', 'batch', 'complete', 'heartbeat', 'redrive'];

export const EVAL_ID = new RegExp(`^(?!(?:${RESERVED.join('|')})$)[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`);
export const QUEUE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
export const BATCH_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
/** Worker and claim ids appear in logs, events and headers: visible ASCII without quotes and brackets. */
export const WORKER_ID = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}$/;
export const LABEL = /^[A-Za-z0-9][A-Za-z0-9 ._:@/+#-]{0,127}$/;
/** The name of a user or team, without control characters. */
export const GROUP = /^[^\p{Cc}\p{Cs}]{1,128}$/u;
/** Labels and values are joined into one text, see `signatureOf`: no commas, equals signs or spaces. */
export const REQUIRED_LABEL = /^[A-Za-z][A-Za-z0-9._/-]{0,62}$/;
export const REQUIRED_VALUE = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,62}$/;
/** A worker's name for why an attempt ended: a label of metrics, so a short word. */
export const CAUSE = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
export const LEASE_ID = /^[A-Za-z0-9_-]{1,128}$/;

export const LIMITS = {
  /** Seconds. */
  timeout: 2_592_000,
  /** Seconds: a year and a day. */
  delay: 31_622_400,
  /** Seconds. */
  backoff: 86_400,
  /** Characters of a URL. */
  webAddress: 2048,
  priority: 1000,
  attempts: 100,
  /** Seconds that a poll can be parked. */
  wait: 60,
  tasksPerClaim: 100,
  tasksPerBatch: TASKS_PER_COMMIT,
  maxFailures: 1_000_000_000,
  queuesPerClaim: 50,
  /** Required labels per task. */
  requires: 8,
  /** Labels per worker. */
  labels: 32,
  /** Bytes of labels as JSON. */
  labelsBytes: 8192,
  /** Bytes of a checkpoint as JSON. */
  checkpointBytes: 65_536,
  pageSize: 1000,
  redrive: 100_000,
  labelsMessage:
    'a label begins with a letter and has at most 63 of A-Z a-z 0-9 . _ / -, its value is a text that begins with a letter or digit and has at most 63 of A-Z a-z 0-9 . _ : / @ + -',
  groupMessage: 'group must have 1 to 128 characters and no control characters',
  evalIdMessage: `eval_id must begin with a letter or digit, have at most 128 of A-Z a-z 0-9 . _ : - and be none of ${RESERVED.join(', ')}`,
} as const;

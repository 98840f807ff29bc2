import { EVAL_ID } from './limits.js';

/** Descriptions of recurring fields for the OpenAPI document. */

/** Any JSON value. */
export const ANY_JSON = { type: Object, anyOf: [{}] };

/** A time in a request. */
export const MOMENT = { format: 'date-time', example: '2030-01-31T12:00:00Z' } as const;

/** A time in a response. */
export const TIME = { type: String, format: 'date-time' } as const;

export const TIME_OR_NULL = { ...TIME, nullable: true } as const;
export const TEXT_OR_NULL = { type: String, nullable: true } as const;
export const LABELS_OR_NULL = {
  type: 'object',
  additionalProperties: { type: 'string' },
  nullable: true,
} as const;
export const INTEGER = { type: 'integer' } as const;
export const INTEGER_OR_NULL = { type: 'integer', nullable: true } as const;
export const COUNT = { type: 'integer', minimum: 0 } as const;

/** `a,b` in one query parameter. */
export const COMMA_LIST = { type: String, isArray: true, style: 'form', explode: false } as const;

export const LEASE_EXAMPLE = '0-vRmDyHh0RP1BIeebswU0iE_0';

export const EVAL_ID_PARAMETER = {
  name: 'eval_id',
  description: 'The id of the task',
  schema: { type: 'string', pattern: EVAL_ID.source },
  example: 'eval-1',
};

export const TRACEPARENT = {
  name: 'traceparent',
  required: false,
  description: 'W3C trace context; kept with the task and passed to its worker. An invalid one is ignored',
  schema: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
  example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

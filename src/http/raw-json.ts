import type { HttpLimits } from './http-limits.js';

/** A JSON value that is passed on as the text it came in as. */
export class RawJson {
  constructor(readonly text: string) {}
}

export interface OpaqueJsonOptions {
  /** What the text must be. */
  readonly type: 'string' | 'object' | 'any';
  /** The most UTF-8 bytes of the decoded string, or of the text of anything else; or the limit that says it. */
  readonly maxBytes: number | ByteLimit;
  /** Takes `null` for a value of its own. Otherwise it means that an optional member is absent. */
  readonly isNullValue?: boolean;
}

export type ByteLimit = Extract<keyof HttpLimits, `max${string}Bytes`>;

export interface OpaqueField extends OpaqueJsonOptions {
  readonly name: string;
}

const OPAQUE_FIELDS = Symbol('opaque JSON fields');

/**
 * The property holds a `RawJson`: the member is checked for type and size, never parsed into the DTO and never
 * altered. With `@IsOptional()` it may be absent. Only members of a document, or of an item of a batch, can be opaque.
 */
export function OpaqueJson(options: OpaqueJsonOptions): PropertyDecorator {
  return (prototype, property) => {
    const field: OpaqueField = { ...options, name: String(property) };
    Reflect.defineMetadata(OPAQUE_FIELDS, [...opaqueFields(prototype), field], prototype);
  };
}

export function opaqueFields(prototype: object): readonly OpaqueField[] {
  return (Reflect.getMetadata(OPAQUE_FIELDS, prototype) as readonly OpaqueField[] | undefined) ?? [];
}

import type { HttpLimits } from './http-limits.js';

/** A JSON value that is passed on as its original text. */
export class RawJson {
  constructor(readonly text: string) {}
}

export interface OpaqueJsonOptions {
  /** The required type. */
  readonly type: 'string' | 'object' | 'any';
  /** The maximum UTF-8 bytes of the decoded string, or of the JSON text of other types; or the name of a limit. */
  readonly maxBytes: number | ByteLimit;
  /** Whether `null` is a value of its own. Otherwise it makes an optional member absent. */
  readonly isNullValue?: boolean;
}

export type ByteLimit = Extract<keyof HttpLimits, `max${string}Bytes`>;

export interface OpaqueField extends OpaqueJsonOptions {
  readonly name: string;
}

const OPAQUE_FIELDS = Symbol('opaque JSON fields');

/**
 * The property holds a `RawJson`: its type and size are checked, and its text is never parsed or altered. With
 * `@IsOptional()` it can be absent. Only members of a document, or of a bulk item, can be opaque.
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

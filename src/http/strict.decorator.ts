const STRICT = Symbol('unknown members are refused');

export interface StrictOptions {
  /** Members for which `null` means absent. Elsewhere `null` is rejected, so that no filter is lost. */
  readonly mayBeNull?: readonly string[];
}

/**
 * Rejects undeclared parameters and members with 422. For routes that act on all matching tasks, where a misspelt
 * filter would affect too many.
 */
export function Strict(options: StrictOptions = {}): ClassDecorator {
  return (dto) => {
    Reflect.defineMetadata(STRICT, options, dto);
  };
}

/** The options of this class, excluding its base classes. */
export function strictnessOf(dto: object): StrictOptions | undefined {
  return Reflect.getOwnMetadata(STRICT, dto) as StrictOptions | undefined;
}

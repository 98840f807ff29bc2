const STRICT = Symbol('unknown members are refused');

export interface StrictOptions {
  /** Members for which `null` means that they are absent. Anywhere else it is refused: a filter must not get lost. */
  readonly mayBeNull?: readonly string[];
}

/**
 * The DTO is of a route that acts on all tasks that match. A parameter or a member that it does not declare is a 422: a
 * misspelt filter would otherwise act on more than was meant.
 */
export function Strict(options: StrictOptions = {}): ClassDecorator {
  return (dto) => {
    Reflect.defineMetadata(STRICT, options, dto);
  };
}

/** What is declared of this very class, not of one that it extends. */
export function strictnessOf(dto: object): StrictOptions | undefined {
  return Reflect.getOwnMetadata(STRICT, dto) as StrictOptions | undefined;
}

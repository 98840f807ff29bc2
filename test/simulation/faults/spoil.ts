/** What a method did before. */
type Before = (...args: never[]) => unknown;

/**
 * Puts another method in the place of one, which gets that one; returns what undoes it. The member may be private: a
 * fault is planted where it was.
 */
export function spoil<Real extends Before>(
  owner: object,
  name: string,
  make: (real: Real) => (...args: Parameters<Real>) => unknown,
): () => void {
  const real: unknown = Reflect.get(owner, name);
  if (typeof real !== 'function') throw new Error(`There is no method ${name} any more to plant a fault in`);
  const isOwn = Object.hasOwn(owner, name);
  Reflect.set(owner, name, make(real.bind(owner) as Real));
  return () => {
    if (isOwn) Reflect.set(owner, name, real);
    else Reflect.deleteProperty(owner, name);
  };
}

/** The same for a method of a class: what it does is done by each object. */
export function spoilClass<Real extends Before>(
  type: { readonly prototype: object },
  name: string,
  make: (real: Real, self: object) => (...args: Parameters<Real>) => unknown,
): () => void {
  const { prototype } = type;
  const real: unknown = Reflect.get(prototype, name);
  if (typeof real !== 'function') throw new Error(`There is no method ${name} any more to plant a fault in`);
  Reflect.set(prototype, name, function spoiled(this: object, ...args: Parameters<Real>) {
    return make(real.bind(this) as Real, this)(...args);
  });
  return () => {
    Reflect.set(prototype, name, real);
  };
}

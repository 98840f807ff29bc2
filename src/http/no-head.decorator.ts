const NO_HEAD = Symbol('HEAD is refused');

/**
 * HEAD on this GET route is 405. Express serves HEAD with the handler of GET, which must not happen where a GET
 * changes something.
 */
export function NoHead(): MethodDecorator {
  return (_prototype, _method, descriptor) => {
    Reflect.defineMetadata(NO_HEAD, true, descriptor.value as object);
  };
}

/** Nest copies what is declared on a handler to the function that it registers. */
export function refusesHead(handler: unknown): boolean {
  return handler instanceof Function && Reflect.getMetadata(NO_HEAD, handler) === true;
}

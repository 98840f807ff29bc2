const NO_HEAD = Symbol('HEAD is refused');

/** Answers HEAD on this GET route with 405. Express would serve HEAD with the GET handler, which here changes data. */
export function NoHead(): MethodDecorator {
  return (_prototype, _method, descriptor) => {
    Reflect.defineMetadata(NO_HEAD, true, descriptor.value as object);
  };
}

/** Nest copies the metadata of a handler to the function that it registers. */
export function refusesHead(handler: unknown): boolean {
  return handler instanceof Function && Reflect.getMetadata(NO_HEAD, handler) === true;
}

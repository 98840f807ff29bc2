import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DECORATORS } from '@nestjs/swagger';
import { type Access, accessOf } from '../auth/access.js';

export type AccessByOperation = ReadonlyMap<string, Access>;

/** The required permissions by operation id, as the guard enforces them. */
export function accessByOperation(app: INestApplication): AccessByOperation {
  const modules = [...app.get(ModulesContainer).values()];
  const controllers = modules.flatMap((module) => [...module.controllers.values()]);
  return new Map(
    controllers.flatMap(({ metatype }) =>
      typeof metatype === 'function' ? accessesOf(metatype as new () => object) : [],
    ),
  );
}

function accessesOf(controller: new () => object): [string, Access][] {
  const handlers = Object.values(Object.getOwnPropertyDescriptors(controller.prototype as object));
  return handlers.flatMap(({ value }): [string, Access][] => {
    const id = operationIdOf(value);
    return id === undefined ? [] : [[id, accessOf(value as object, controller)]];
  });
}

function operationIdOf(handler: unknown): string | undefined {
  if (typeof handler !== 'function') return undefined;
  const operation = Reflect.getMetadata(DECORATORS.API_OPERATION, handler) as
    { readonly operationId?: string } | undefined;
  return operation?.operationId;
}

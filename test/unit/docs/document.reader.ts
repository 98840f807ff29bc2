import type {
  ContentObject,
  OpenAPIObject,
  OperationObject,
  RequestBodyObject,
  ResponseObject,
} from '@nestjs/swagger';
import { resolve } from './schema.check.js';

/** One operation of an OpenAPI document, with its method and path. */
export interface FoundOperation extends OperationObject {
  /** Such as `GET /tasks`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
}

export function operationsOf(document: OpenAPIObject): FoundOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, operation]): FoundOperation => {
      const method = verb.toUpperCase();
      return { ...(operation as OperationObject), name: `${method} ${path}`, method, path };
    }),
  );
}

/** The body that an operation takes, by media type. */
export function bodyOf({ requestBody }: OperationObject): ContentObject {
  return (requestBody as RequestBodyObject | undefined)?.content ?? {};
}

/** What an operation answers with this status, by media type. */
export function answerOf(document: OpenAPIObject, operation: OperationObject, status: number): ContentObject {
  const response = operation.responses[String(status)];
  if (response === undefined) throw new Error(`${operation.operationId ?? ''} does not answer ${status}`);
  const found = '$ref' in response ? resolve(document, response.$ref) : response;
  return (found as ResponseObject).content ?? {};
}

/** The values of examples, by name. */
export function examplesOf(content: ContentObject, type: string): Readonly<Record<string, unknown>> {
  const examples = Object.entries(content[type]?.examples ?? {});
  return Object.fromEntries(
    examples.map(([name, example]) => [name, 'value' in example ? (example.value as unknown) : undefined]),
  );
}

import type {
  ContentObject,
  MediaTypeObject,
  OperationObject,
  ResponseObject,
  SecurityRequirementObject,
} from '@nestjs/swagger';
import type { Access } from '../auth/access.js';
import { apiHeaders } from '../http/api-headers.js';
import type { AccessByOperation } from './operation-access.js';

/** Responses that are written before the request has an id. */
const WITHOUT_ID = ['408', '431'];

/** Adds the parts that all operations share. */
export function completeOperation(operation: OperationObject, accesses: AccessByOperation): void {
  const { operationId } = operation;
  const access = operationId === undefined ? undefined : accesses.get(operationId);
  if (!access) throw new Error(`${operation.summary ?? 'An operation'} lacks an operationId`);
  operation.security = securityOf(access);
  operation.description = [operation.description, callersOf(access)].filter(Boolean).join('\n\n');
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response && 'description' in response) addRequestId(status, response);
  }
  operation.responses.default = { $ref: '#/components/responses/OtherProblem' };
  const body = operation.requestBody;
  if (body && 'content' in body) separateLines(body.content);
}

function securityOf({ isPublic, takesLease }: Access): SecurityRequirementObject[] {
  if (isPublic) return [];
  return [{ ApiKey: [] }, { Bearer: [] }, ...(takesLease ? [{ Lease: [] }] : [])];
}

function callersOf({ isPublic, roles, takesLease }: Access): string {
  if (isPublic) return 'Needs no key.';
  const names = [...new Set([...roles, 'admin'])].map((role) => `\`${role}\``);
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}` : names[0];
  const lease = takesLease ? ', or the lease of the attempt in `X-Lease-Id`' : '';
  return `Needs a key with the role ${list ?? ''}${lease}.`;
}

function addRequestId(status: string, response: ResponseObject): void {
  if (WITHOUT_ID.includes(status)) return;
  response.headers = { ...apiHeaders('X-Request-Id'), ...response.headers };
}

/** Moves text examples to newline-delimited JSON: Swagger describes all media types of a body alike. */
function separateLines(content: ContentObject): void {
  const lines = content['application/x-ndjson'];
  const json = content['application/json'];
  if (!lines || !json) return;
  Object.assign(lines, {
    schema: {
      type: 'string',
      description: 'One JSON object per line, like an element of `tasks`',
    },
    examples: examplesOf(lines, true),
  });
  json.examples = examplesOf(json, false);
}

function examplesOf({ examples = {} }: MediaTypeObject, isText: boolean): MediaTypeObject['examples'] {
  return Object.fromEntries(
    Object.entries(examples).filter(
      ([, example]) => isText === ('value' in example && typeof example.value === 'string'),
    ),
  );
}

import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, type OperationObject, SwaggerModule } from '@nestjs/swagger';
import { API_HEADERS } from '../http/api-headers.js';
import { problemResponse } from '../http/api-problems.decorator.js';
import { VERSION } from '../version.js';
import { accessByOperation, type AccessByOperation } from './operation-access.js';
import { describeBounds } from './declared-bounds.js';
import { completeOperation } from './operation-completer.js';
import { shareProblems } from './problem-sharer.js';
import { simplify } from './schema-simplifier.js';

const DESCRIPTION = `
A durable task queue. Producers post tasks; workers claim them, extend their leases by heartbeats, and report results.
Every acknowledged task is on disk and survives a crash.

**Conventions.** Bodies are JSON in UTF-8 with names in \`snake_case\`. Times are ISO 8601 in UTC with milliseconds; durations
are seconds, fractions allowed. Paths are case-sensitive and have no trailing slash. The service ignores unknown fields and
parameters, and treats an optional field that is \`null\` as absent.

**Keys.** Send an API key in \`X-API-Key\` or as \`Authorization: Bearer\`. The documentation and the health checks need none.
Without a configured key the service accepts all callers. A key has roles; \`admin\` includes all others. A worker can act on the
attempt that it holds with its lease alone, in \`X-Lease-Id\`.

**Errors** are RFC 9457 problems. Branch on \`code\`; \`detail\` is for people. Each answer has an \`X-Request-Id\`, which
also appears in the log.

**At-least-once delivery.** A task can start twice, for example when a slow worker loses its lease. Only one of the two
attempts can finish it.
`.trim();

const TAGS = {
  tasks: 'Enqueue, read and delete tasks.',
  work: 'For workers: claim tasks, extend leases, report results.',
  evidence: 'The files that attempts leave: store, list and download them.',
  bulk: 'Requests about many tasks, with one result per task.',
  batches: 'Sets of tasks: count, await, cancel and redrive them together.',
  schedules: 'Cron schedules that enqueue one task per due time.',
  steering: 'Cancel and redrive tasks.',
  queues: 'Queue settings and statistics.',
  workers: 'List and drain workers.',
  events: 'Stream the transitions of tasks.',
  webhooks: 'Webhook deliveries and their outcome.',
  health: 'Health checks. None needs a key.',
  monitoring: 'Metrics for Prometheus and the overview. A key must cover all queues.',
  documentation: 'This document and its pages. None needs a key.',
};

/** The parts of the document that no decorator describes. */
function frame() {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Crucible queue')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    // Relative, because the service does not know its public name.
    .addServer('/', 'The service that serves this document')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key' }, 'ApiKey')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The same API key as a token' }, 'Bearer')
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'X-Lease-Id',
        description: 'The lease_id of a claim, without a key',
      },
      'Lease',
    );
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  return builder.build();
}

/**
 * The OpenAPI document of the application, identical for identical sources. Undescribed routes of extensions are
 * omitted.
 *
 * @throws Error for an undescribed route of the service itself
 */
export function openApiDocument(
  app: INestApplication,
  { isExtended }: { readonly isExtended: boolean },
): OpenAPIObject {
  describeBounds();
  const { components, paths: all, ...rest } = SwaggerModule.createDocument(app, frame());
  const access = accessByOperation(app);
  const paths = isExtended ? describedOnly(all, access) : all;
  const operations = operationsOf(paths);
  for (const operation of operations) completeOperation(operation, access);
  const document = {
    ...rest,
    paths,
    components: {
      ...components,
      headers: { ...API_HEADERS },
      responses: {
        OtherProblem: problemResponse(['not_found', 'method_not_allowed', 'expectation_failed']),
        ...shareProblems(operations),
      },
    },
  };
  return simplify(document) as OpenAPIObject;
}

function describedOnly(paths: OpenAPIObject['paths'], described: AccessByOperation): OpenAPIObject['paths'] {
  const items = Object.entries(paths).map(([path, item]) => {
    const operations = Object.entries(item as Record<string, OperationObject>);
    return [path, operations.filter(([, { operationId = '' }]) => described.has(operationId))] as const;
  });
  return Object.fromEntries(
    items.flatMap(([path, kept]) => (kept.length > 0 ? [[path, Object.fromEntries(kept)]] : [])),
  );
}

function operationsOf(paths: OpenAPIObject['paths']): OperationObject[] {
  return Object.values(paths).flatMap((item) => Object.values(item) as OperationObject[]);
}

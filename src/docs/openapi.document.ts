import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, type OperationObject, SwaggerModule } from '@nestjs/swagger';
import { API_HEADERS } from '../http/api-headers.js';
import { problemResponse } from '../http/api-problems.decorator.js';
import { VERSION } from '../version.js';
import { accessByOperation } from './operation.access.js';
import { completeOperation } from './operation.completer.js';
import { shareProblems } from './problem.sharer.js';
import { simplify } from './schema.simplifier.js';

const DESCRIPTION = `
A durable task queue. Producers post tasks; workers claim them, keep them by heartbeats, and report how they ended.
What is acknowledged is on disk.

**Conventions.** JSON in UTF-8, names in \`snake_case\`. Times are ISO 8601 in UTC with milliseconds; durations are
seconds, fractions allowed. Paths are case-sensitive and have no slash at the end. Unknown fields and parameters are
ignored; an optional field that is \`null\` counts as absent.

**Keys.** Everything but the documentation and the probes takes an API key, in \`X-API-Key\` or as
\`Authorization: Bearer\`, when one is configured; without a configured key the service is open to all who reach it. A
key has roles, and an \`admin\` may do everything. A worker may act on the attempt it holds with nothing but its lease,
in \`X-Lease-Id\`.

**Errors** are problems as RFC 9457 has them. A program branches on \`code\`; \`detail\` is for people. Answers carry an
\`X-Request-Id\`, which the log has too.

**At least once.** A task may be started twice: its worker was slow, its lease ran out, another got it. Only one of the
two can finish it under its lease, and it ends once.
`.trim();

const TAGS = {
  tasks: 'Enqueue tasks, look at them, forget them.',
  work: 'For workers: claim a task, keep it, finish it.',
  bulk: 'Many tasks in one request and one durable commit, each with its own result.',
  batches: 'Tasks that belong together: count them, wait for their end, stop them, start them again.',
  schedules: 'Tasks that come by the clock, one for each due time.',
  steering: 'Stop tasks, and start them again.',
  queues: 'How queues fare, and how they hand out their tasks.',
  workers: 'Who works, and who is to stop.',
  events: 'Follow what happens to the tasks.',
  webhooks: 'What is sent to addresses outside, and what became of it.',
  health: 'Probes. None of them needs a key.',
  monitoring: 'For Prometheus and for the overview. Each needs a key for every queue.',
  documentation: 'This document, and pages to read it. None of them needs a key.',
};

/** The parts that come from no decorator. */
function frame() {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Crucible queue')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    // Relative: the service does not know, and does not repeat, the name it is called by.
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

/** The OpenAPI document of the application, the same text for the same sources. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const { components, paths, ...rest } = SwaggerModule.createDocument(app, frame());
  const operations = operationsOf(paths);
  const access = accessByOperation(app);
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

function operationsOf(paths: OpenAPIObject['paths']): OperationObject[] {
  return Object.values(paths).flatMap((item) => Object.values(item) as OperationObject[]);
}

import type { IncomingMessage } from 'node:http';
import { Controller, Get, Put, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, LeaseCredential, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { bodyChunks } from '../http/body-stream.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import { EVAL_ID_PARAMETER } from '../queue/dto/field-docs.js';
import { EvalId } from '../queue/eval-id.decorator.js';
import { requiredLease, underLease } from '../queue/lease-access.js';
import { guardFor, requireVisible } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import type { Task } from '../task/task.js';
import { ArtifactName } from './artifact-name.decorator.js';
import { LONGEST_NAME_BYTES } from './artifact-name.js';
import { ArtifactDownloads } from './artifact-downloads.js';
import { ArtifactService } from './artifact.service.js';
import { artifactView } from './artifact.view.js';
import { digestsIn } from './content-digest.js';
import { LIST_ARTIFACTS, PUT_ARTIFACT } from './dto/artifact.examples.js';
import { UploadQuery } from './dto/artifact.query.js';
import { StoredArtifact, TaskArtifacts } from './dto/artifact.response.js';

const NAME_PARAMETER = {
  name: 'name',
  description: `The file name, in percent-encoding: 1 to ${LONGEST_NAME_BYTES} bytes in UTF-8, without / and \\`,
  schema: { type: 'string', minLength: 1, maxLength: LONGEST_NAME_BYTES },
  example: 'report.txt',
};

const BYTES = { schema: { type: 'string', format: 'binary' } };

@ApiTags('evidence')
@Controller('tasks/:eval_id/artifacts')
export class ArtifactsController {
  constructor(
    private readonly artifacts: ArtifactService,
    private readonly downloads: ArtifactDownloads,
    private readonly queue: QueueService,
  ) {}

  @Put(':name')
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'putArtifact',
    summary: 'Store an artifact of a running attempt',
    description:
      'The body is the bytes, of any size up to `ARTIFACT_MAX_BYTES`. The service answers when they are durable. It is ' +
      'safe to repeat the request. Other bytes under the same name replace the artifact, unless a later attempt sent it.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiParam(NAME_PARAMETER)
  @ApiHeader({
    name: 'Content-Digest',
    required: false,
    description: 'The SHA-256 or SHA-512 of the body (RFC 9530). If it differs, the service keeps nothing',
    schema: { type: 'string' },
    example: 'sha-256=:CEx5nNVR3R2NXF+aXVk7LpMfXjYSLuXHk8HQihmDncA=:',
  })
  @ApiConsumes('application/octet-stream')
  @ApiBody({ required: false, ...BYTES })
  @ApiCreatedResponse({
    type: StoredArtifact,
    description: 'The artifact is new',
    examples: PUT_ARTIFACT.stored,
  })
  @ApiOkResponse({
    type: StoredArtifact,
    description: 'The artifact existed with the same bytes, or was replaced',
    examples: PUT_ARTIFACT.repeated,
  })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_QUERY,
    'request_timeout',
    'too_large',
    'unsupported_media_type',
    'digest_mismatch',
    'task_not_found',
    'task_damaged',
    'lease_lost',
    'lease_required',
    'artifacts_off',
    'artifacts_full',
    'store_unavailable',
  )
  async put(
    @EvalId() id: string,
    @ArtifactName() name: string,
    @QueryParams(UploadQuery) query: UploadQuery,
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = requiredLease(principal, query.lease_id);
    const upload = {
      name,
      contentType: contentTypeOf(request),
      length: lengthOf(request),
      digests: digestsIn(request.headers['content-digest'] as string | undefined),
      body: () => {
        if (request.headers.expect !== undefined) response.writeContinue();
        return bodyChunks(request);
      },
    };
    const sender = { id, leaseId, guard: guardFor(principal) };
    const { artifact, isNew } = await underLease(principal, this.artifacts.put(sender, upload), id);
    sendJson(response, isNew ? 201 : 200, JSON.stringify(artifactView(artifact)));
  }

  @Get()
  @Roles('producer', 'worker')
  @ApiOperation({
    operationId: 'listArtifacts',
    summary: 'List the artifacts of a task',
    description: 'Artifacts are kept as long as their task.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskArtifacts, description: 'The artifacts, by name', examples: LIST_ARTIFACTS })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'task_not_found', 'task_damaged', 'store_unavailable')
  async list(@EvalId() id: string, @CurrentPrincipal() principal: Principal): Promise<TaskArtifacts> {
    const artifacts = await this.artifacts.list(await this.findFor(principal, id));
    return { eval_id: id, artifacts: artifacts.map(artifactView) };
  }

  @Get(':name')
  @Roles('producer', 'worker')
  @ApiOperation({
    operationId: 'getArtifact',
    summary: 'Download an artifact',
    description:
      'Supports `Range`, `If-Range` and `If-None-Match`; the `ETag` is the SHA-256. With artifacts in S3, the answer ' +
      'is 307 with an address that works for five minutes. Do not send the API key to that address.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiParam(NAME_PARAMETER)
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'A part of the bytes, as in RFC 9110.',
    schema: { type: 'string' },
    example: 'bytes=0-1023',
  })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'ETags that the caller knows: with one of them the answer is 304.',
    schema: { type: 'string' },
  })
  @ApiProduces('application/octet-stream')
  @ApiResponse({ status: 200, description: 'The bytes, as a file to save', ...BYTES })
  @ApiResponse({ status: 206, description: 'The requested part', ...BYTES })
  @ApiResponse({ status: 304, description: 'The client has the same bytes' })
  @ApiResponse({
    status: 307,
    description: 'The bytes are at another address',
    headers: apiHeaders('Location'),
  })
  @ApiProblems(
    ...WITH_KEY,
    'malformed_request',
    'invalid_request',
    'task_not_found',
    'task_damaged',
    'artifact_not_found',
    'range_not_satisfiable',
    'store_unavailable',
  )
  async download(
    @EvalId() id: string,
    @ArtifactName() name: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    await this.downloads.send(await this.findFor(principal, id), name, response);
  }

  private async findFor(principal: Principal, id: string): Promise<Task> {
    return requireVisible(principal, await this.queue.find(id));
  }
}

const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}(?:[ \t]*;[\t\x20-\x7e]*)?$/;
const LONGEST_TYPE = 255;

function contentTypeOf({ headers }: IncomingMessage): string {
  const { 'content-type': type = 'application/octet-stream', 'content-encoding': encoding } = headers;
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ProblemError('unsupported_media_type', 'Send the body without a Content-Encoding');
  }
  if (headers['content-range'] !== undefined) {
    throw new ProblemError('malformed_request', 'Send the whole artifact, without Content-Range');
  }
  if (type.length <= LONGEST_TYPE && MEDIA_TYPE.test(type)) return type;
  const detail = `Content-Type must be a media type such as text/plain, of at most ${LONGEST_TYPE} characters`;
  throw new ProblemError('unsupported_media_type', detail);
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  return headers['transfer-encoding'] === undefined ? 0 : undefined;
}

import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import { readBody } from './body-reader.js';
import { HttpLimits } from './http-limits.js';
import { documentWith, type HttpPair, pairOf } from './json-body.decorator.js';
import { ProblemError } from './problem.error.js';

/** A body that the service stores as it is. */
export interface BytesBodyOptions {
  /** Media types that the route accepts, without parameters. A body without a type is accepted too. */
  readonly types: readonly string[];
  /** At most this many bytes, within `MAX_BODY_BYTES`. */
  readonly maxBytes: number;
}

/** Reads the body as bytes. A pipe, because pipes run after the guards. */
@Injectable()
export class BytesBodyPipe implements PipeTransform<HttpPair, Promise<Buffer>> {
  constructor(@Inject(HttpLimits) private readonly limits: HttpLimits) {}

  transform({ request, response }: HttpPair, { data }: ArgumentMetadata): Promise<Buffer> {
    const { types, maxBytes } = data as unknown as BytesBodyOptions;
    const { 'content-type': type, 'content-encoding': encoding } = request.headers;
    const name = type?.split(';', 1)[0]?.trim().toLowerCase();
    if (name !== undefined && !types.includes(name))
      throw new ProblemError(
        'unsupported_media_type',
        `Send the bytes with Content-Type: ${types.join(' or ')}`,
      );
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      throw new ProblemError('unsupported_media_type', 'Send the body without a Content-Encoding');
    const maxBodyBytes = Math.min(this.limits.maxBodyBytes, maxBytes);
    const limits = new HttpLimits(Object.assign({}, this.limits, { maxBodyBytes }));
    return readBody({ request, response, limits });
  }
}

const bytesOf = createParamDecorator((_options: BytesBodyOptions, context: ExecutionContext) =>
  pairOf(context),
);

/** The body as a `Buffer`, read after the guards have admitted the request. Also documents it. */
export function BytesBody(options: BytesBodyOptions): ParameterDecorator {
  return (prototype, method, index) => {
    bytesOf(options, BytesBodyPipe)(prototype, method, index);
    const body = {
      schema: { type: 'string', format: 'binary', maxLength: options.maxBytes },
      required: false,
    };
    documentWith(prototype, method, applyDecorators(ApiConsumes(...options.types), ApiBody(body)));
  };
}

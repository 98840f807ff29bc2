import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Config } from '../config/config.js';
import { ConnectionDrain } from './connection-drain.js';
import { requireCompiledDtos } from './declared-dtos.js';
import { HttpLimits } from './http-limits.js';
import { ProblemFilter } from './problem.filter.js';

/** The limits of one request. */
export function limitsOf(config: Config): HttpLimits {
  return new HttpLimits({
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxCodeBytes: config.MAX_CODE_BYTES,
    maxMetadataBytes: config.MAX_METADATA_BYTES,
    maxJsonDepth: config.MAX_JSON_DEPTH,
    maxJsonKeys: config.MAX_JSON_KEYS,
    maxHeaderBytes: config.MAX_HEADER_BYTES,
    maxPipelinedRequests: config.MAX_PIPELINED_REQUESTS,
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    allowedHosts: config.allowedHosts,
    basePath: config.BASE_PATH ?? '',
    trustsProxy: config.TRUST_PROXY,
  });
}

/** The shared HTTP layer of all routes. */
@Global()
@Module({
  providers: [
    { provide: HttpLimits, inject: [Config], useFactory: limitsOf },
    { provide: APP_FILTER, useClass: ProblemFilter },
    ConnectionDrain,
  ],
  exports: [HttpLimits],
})
export class HttpModule implements OnModuleInit {
  /** @throws Error when a DTO cannot be compiled, which stops the startup */
  onModuleInit(): void {
    requireCompiledDtos();
  }
}

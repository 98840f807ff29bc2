/** The limits of one request. The app module fills them from the configuration. Sizes are bytes. */
export class HttpLimits {
  /** The whole body. */
  readonly maxBodyBytes: number = 2 * 1024 * 1024;
  /** The decoded text of `code`. */
  readonly maxCodeBytes: number = 1024 * 1024;
  /** The JSON text of `metadata`. */
  readonly maxMetadataBytes: number = 16 * 1024;
  /** The outermost object is level 1. */
  readonly maxJsonDepth: number = 32;
  /** Members of all objects of a document together. */
  readonly maxJsonKeys: number = 10_000;
  /** The request line and all headers together. */
  readonly maxHeaderBytes: number = 16 * 1024;
  /** Unanswered requests on one connection. */
  readonly maxPipelinedRequests: number = 256;
  /** Unfinished bodies and unread responses of all connections together. */
  readonly maxBufferedBytes: number = 256 * 1024 * 1024;
  /** Names by which clients can call the service; empty allows any name. */
  readonly allowedHosts: readonly string[] = [];
  /** The path under which a proxy publishes the service; empty for none. */
  readonly basePath: string = '';
  /** Whether `X-Forwarded-Prefix` comes from a proxy and not from any client. */
  readonly trustsProxy: boolean = false;

  constructor(limits: Partial<HttpLimits> = {}) {
    Object.assign(this, limits);
  }
}

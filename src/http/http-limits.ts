/** How much one request may ask for. The app module fills it from the configuration. */
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
  /** Requests of one connection without an answer. */
  readonly maxPipelinedRequests: number = 256;
  /** What unfinished bodies and unread answers of all connections may hold together. */
  readonly maxBufferedBytes: number = 256 * 1024 * 1024;
  /** Names that the service may be called by; with none, by any. */
  readonly allowedHosts: readonly string[] = [];

  constructor(limits: Partial<HttpLimits> = {}) {
    Object.assign(this, limits);
  }
}

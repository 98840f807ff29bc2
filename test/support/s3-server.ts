import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';

const KEY_ID = 'S3RVER';
const SECRET = 'S3RVER';
const BUCKET = 'evidence';

/**
 * A server that speaks S3 and refuses requests whose signature (version 4) does not match. What the package lacks is
 * added here: signed requests for `/bucket/`, and the end of an upload in parts.
 */
export class S3Server {
  readonly url: string;
  /** The headers of all requests. */
  readonly seen: readonly IncomingHttpHeaders[];

  private constructor(
    private readonly server: Server,
    private readonly directory: string,
    { url, seen }: Pick<S3Server, 'url' | 'seen'>,
  ) {
    this.url = url;
    this.seen = seen;
  }

  static async start(): Promise<S3Server> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-s3-'));
    const s3 = new S3rver({
      directory,
      silent: true,
      allowMismatchedSignatures: false,
      configureBuckets: [{ name: BUCKET }],
    });
    s3.middleware.splice(-1, 0, signedAsSent, endUploads(directory));
    await s3.configureBuckets();
    const handle = s3.callback();
    const seen: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return new S3Server(server, directory, { url: `http://127.0.0.1:${port}`, seen });
  }

  /** The variables of the SDK. */
  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL_S3: this.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: KEY_ID,
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_NODE_DISABLE_VERSION_CHECK: 'true',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    };
  }

  /** A place that no other test uses. */
  place(prefix: string): string {
    return `s3://${BUCKET}/${prefix}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The path of a request for a bucket ends with a slash, which its signature covers. */
const signedAsSent: S3rver.Middleware = (context, next) => {
  if (/^\/[^/]+\/$/.test(context.path)) {
    context.state.vhost = true;
    context.mountPath = '/';
  }
  return next();
};

/** Ends an upload in parts after the server has checked the signature. */
function endUploads(directory: string): S3rver.Middleware {
  return async (context, next) => {
    try {
      await next();
    } catch (error) {
      const { uploadId } = context.query;
      const isAbort = context.method === 'DELETE' && typeof uploadId === 'string';
      if (!isAbort || (error as { code?: unknown }).code !== 'MethodNotAllowed') throw error;
      await rm(join(directory, BUCKET, '._S3rver_uploads', uploadId), { recursive: true, force: true });
      context.status = 204;
    }
  };
}

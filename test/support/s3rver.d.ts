declare module '@20minutes/s3rver' {
  import type { RequestListener } from 'node:http';

  /** The parts of the package that tests use; it has no types of its own. */
  class S3rver {
    constructor(options: {
      readonly directory: string;
      readonly silent: boolean;
      readonly allowMismatchedSignatures: boolean;
      readonly configureBuckets: readonly { readonly name: string }[];
    });
    readonly middleware: S3rver.Middleware[];
    configureBuckets(): Promise<unknown>;
    callback(): RequestListener;
  }

  namespace S3rver {
    interface Context {
      readonly path: string;
      readonly method: string;
      readonly query: Readonly<Record<string, unknown>>;
      readonly state: Record<string, unknown>;
      mountPath?: string;
      status: number;
    }
    type Middleware = (context: Context, next: () => Promise<unknown>) => unknown;
  }

  export default S3rver;
}

import { Readable } from 'node:stream';
import type { ListMultipartUploadsCommandOutput, S3Client as Client } from '@aws-sdk/client-s3';
import { StoreUnavailable } from '../storage/task-store.js';
import {
  type ByteKey,
  type ByteRange,
  ByteStore,
  type DownloadAs,
  OWNER_NAME,
  ownerIn,
  type StoredBytes,
} from './byte-store.js';

/** S3 takes at most 10,000 parts, of at least 5 MiB each. */
const MOST_PARTS = 10_000;
const SMALLEST_PART_BYTES = 5 * 1024 * 1024;
/** Seconds that a download address works. */
const ADDRESS_SECONDS = 300;
/** Milliseconds. An upload in parts that is older was interrupted. */
const LONGEST_UPLOAD_MS = 86_400_000;
/** Milliseconds to connect, and between two bytes of a response. */
const CONNECT_MS = 5_000;
const SILENCE_MS = 30_000;

interface Place {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

interface UploadMarker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

/** Loads the SDK when the service uses S3, so that other services start without it. */
async function loadSdk() {
  const [client, upload, presigner] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/lib-storage'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  return { ...client, ...upload, ...presigner };
}

type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/**
 * Keeps bytes as objects of an S3 bucket. An object appears when its upload has ended. The SDK takes the endpoint, the
 * region and the keys from the usual variables and files.
 */
export class S3ByteStore extends ByteStore {
  readonly isShared = true;
  private readonly partBytes: number;

  private constructor(
    private readonly sdk: Sdk,
    private readonly client: Client,
    private readonly place: Place,
    maxBytes: number,
  ) {
    super();
    this.partBytes = Math.max(SMALLEST_PART_BYTES, Math.ceil(maxBytes / MOST_PARTS));
  }

  /**
   * @param url `s3://bucket/prefix`
   * @param maxBytes of one artifact
   */
  static async open(url: string, maxBytes: number): Promise<S3ByteStore> {
    const sdk = await loadSdk();
    const client = new sdk.S3Client({
      // Servers other than AWS often have neither a host name per bucket nor the newer checksums.
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    });
    return new S3ByteStore(sdk, client, placeOf(url), maxBytes);
  }

  async put(key: ByteKey, chunks: AsyncIterable<Buffer>): Promise<void> {
    let fault: unknown;
    const source = async function* () {
      try {
        yield* chunks;
      } catch (error) {
        fault = error;
        throw error;
      }
    };
    const upload = new this.sdk.Upload({
      client: this.client,
      params: { ...this.object(key), Body: Readable.from(source(), { objectMode: false }) },
      partSize: this.partBytes,
      // One part is sent while the next one arrives.
      queueSize: 1,
      leavePartsOnError: false,
    });
    try {
      await upload.done();
    } catch (error) {
      if (fault !== undefined) throw fault as Error;
      throw unavailable(error);
    }
  }

  async read(key: ByteKey, range?: ByteRange): Promise<Readable | undefined> {
    const Range = range && `bytes=${range.from}-${range.to}`;
    try {
      const { Body } = await this.client.send(new this.sdk.GetObjectCommand({ ...this.object(key), Range }));
      return Body as Readable;
    } catch (error) {
      if (error instanceof this.sdk.NoSuchKey) return undefined;
      throw unavailable(error);
    }
  }

  async addressOf(key: ByteKey, as: DownloadAs): Promise<string> {
    const command = new this.sdk.GetObjectCommand({
      ...this.object(key),
      ResponseContentType: as.contentType,
      ResponseContentDisposition: as.contentDisposition,
      ResponseCacheControl: 'no-store',
    });
    return reporting(() => this.sdk.getSignedUrl(this.client, command, { expiresIn: ADDRESS_SECONDS }));
  }

  async remove(key: ByteKey): Promise<void> {
    await reporting(() => this.client.send(new this.sdk.DeleteObjectCommand(this.object(key))));
  }

  async removePart({ key, uploadId: UploadId }: StoredBytes): Promise<void> {
    const command = new this.sdk.AbortMultipartUploadCommand({ ...this.object(key), UploadId });
    await reporting(async () => {
      try {
        await this.client.send(command);
      } catch (error) {
        if (!(error instanceof this.sdk.NoSuchUpload)) throw error;
      }
    });
  }

  async *list(): AsyncIterable<readonly StoredBytes[]> {
    yield* this.listObjects();
    yield* this.listUploads();
  }

  async readOwner(): Promise<string | undefined> {
    const body = await this.read(OWNER_NAME);
    if (body === undefined) return undefined;
    const chunks = await reporting(async () => (await body.toArray()) as Buffer[]);
    return Buffer.concat(chunks).toString();
  }

  async writeOwner(owner: string): Promise<void> {
    const command = new this.sdk.PutObjectCommand({ ...this.object(OWNER_NAME), Body: owner });
    await reporting(() => this.client.send(command));
  }

  private async *listObjects(): AsyncIterable<readonly StoredBytes[]> {
    const { bucket: Bucket, prefix: Prefix } = this.place;
    let token: string | undefined;
    do {
      const command = new this.sdk.ListObjectsV2Command({ Bucket, Prefix, ContinuationToken: token });
      const page = await reporting(() => this.client.send(command));
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      yield (page.Contents ?? []).flatMap(({ Key, ETag }) => {
        const key = this.keyOf(Key);
        return key === undefined ? [] : [{ key, isPart: false, stamp: ETag ?? '' }];
      });
    } while (token !== undefined);
  }

  private async *listUploads(): AsyncIterable<readonly StoredBytes[]> {
    let marker: UploadMarker | undefined = {};
    while (marker !== undefined) {
      const page: ListMultipartUploadsCommandOutput | undefined = await this.uploadsFrom(marker);
      yield (page?.Uploads ?? []).flatMap(({ Key, UploadId }) => {
        const key = this.keyOf(Key);
        if (key === undefined || UploadId === undefined) return [];
        return [{ key, isPart: true, stamp: UploadId, uploadId: UploadId, patienceMs: LONGEST_UPLOAD_MS }];
      });
      marker =
        page?.IsTruncated === true
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined;
    }
  }

  /** `undefined` from servers that cannot list uploads; they remove interrupted ones by rules of their own. */
  private uploadsFrom(marker: UploadMarker): Promise<ListMultipartUploadsCommandOutput | undefined> {
    const { bucket: Bucket, prefix: Prefix } = this.place;
    const command = new this.sdk.ListMultipartUploadsCommand({ Bucket, Prefix, ...marker });
    return reporting(async () => {
      try {
        return await this.client.send(command);
      } catch (error) {
        if (error instanceof Error && error.name === 'NotImplemented') return undefined;
        throw error;
      }
    });
  }

  private object(name: string) {
    const { bucket: Bucket, prefix } = this.place;
    return { Bucket, Key: prefix + name };
  }

  private keyOf(name: string | undefined): ByteKey | undefined {
    const key = name?.slice(this.place.prefix.length);
    return key !== undefined && ownerIn(key) !== undefined ? key : undefined;
  }
}

function placeOf(url: string): Place {
  const [bucket = '', ...folders] = url
    .replace(/^s3:\/\//, '')
    .replace(/\/$/, '')
    .split('/');
  return { bucket, prefix: folders.map((folder) => `${folder}/`).join('') };
}

async function reporting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unavailable(error);
  }
}

/** Messages of the SDK can quote requests, so only the name of the error is kept. */
function unavailable(cause: unknown): StoreUnavailable {
  if (cause instanceof StoreUnavailable) return cause;
  const name = cause instanceof Error ? cause.name : 'an unknown error';
  return new StoreUnavailable(`S3 refused or did not answer: ${name}`, false, { cause });
}

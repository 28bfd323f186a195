import type { Readable } from "node:stream";
import { HoldfastError, type Ports, type Timer } from "@holdfast/core";
import { type OpenedS3, openS3 } from "@holdfast/core/s3";
import { inPieces } from "@holdfast/store-kit";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { type BucketOptions, checkBucket } from "./bucket-options.ts";

const markText = "Objects of a Holdfast store. Its database refers to them: remove none by hand.\n";

/**
 * Loads the SDK and checks that the bucket accepts objects, by writing a small one. Throws `store.package_missing`,
 * `store.invalid_options`, `store.bucket_unavailable`.
 */
export async function openBucket(options: BucketOptions, ports: Ports): Promise<Bucket> {
  checkBucket(options);
  const s3 = await openS3(options, import.meta.url);
  if (s3 === undefined) throw packageMissing();
  const bucket = new Bucket(options, s3, ports);
  try {
    await bucket.check();
    return bucket;
  } catch (error) {
    bucket.close();
    throw error;
  }
}

function packageMissing(): HoldfastError {
  const message =
    "Objects in a bucket need the package @aws-sdk/client-s3, which is not installed here. Install it: npm install @aws-sdk/client-s3";
  return new HoldfastError("store", "package_missing", message);
}

/** The bytes of large objects, in a bucket of an S3-compatible server. */
export class Bucket {
  readonly #name: string;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #sdk: OpenedS3["sdk"];
  readonly #ports: Ports;
  readonly #client: OpenedS3["client"];

  constructor(options: BucketOptions, { sdk, client }: OpenedS3, ports: Ports) {
    const { bucket, prefix = "" } = options;
    this.#name = bucket;
    this.#prefix = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    this.#timeoutMs = options.timeoutMs ?? limits.bucketTimeoutMs;
    this.#sdk = sdk;
    this.#ports = ports;
    this.#client = client;
  }

  /** Uploads are named by their ids, so equal content of two actors is two objects. */
  #place(actorId: string, upload: string) {
    return { Bucket: this.#name, Key: `${this.#prefix}${Buffer.from(actorId).toString("hex")}/${upload}` };
  }

  async check(): Promise<void> {
    const place = { Bucket: this.#name, Key: `${this.#prefix}holdfast.txt` };
    await this.#run((abortSignal) =>
      this.#client.send(new this.#sdk.PutObjectCommand({ ...place, Body: Buffer.from(markText) }), {
        abortSignal,
      }),
    );
  }

  async put(actorId: string, upload: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = inPieces(source, limits.bucketPartBytes);
    const first = await parts.next();
    const body = first.done === true ? new Uint8Array() : first.value;
    try {
      if (body.length < limits.bucketPartBytes) {
        await this.#run((abortSignal) =>
          this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#place(actorId, upload), Body: body }), {
            abortSignal,
          }),
        );
      } else await this.#putInParts(actorId, upload, body, parts);
    } finally {
      await parts.return?.(undefined);
    }
  }

  async #putInParts(
    actorId: string,
    upload: string,
    first: Uint8Array,
    rest: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const sdk = this.#sdk;
    const place = this.#place(actorId, upload);
    const { UploadId } = await this.#run((abortSignal) =>
      this.#client.send(new sdk.CreateMultipartUploadCommand(place), { abortSignal }),
    );
    const uploaded: { readonly ETag: string | undefined; readonly PartNumber: number }[] = [];
    const add = async (Body: Uint8Array) => {
      const PartNumber = uploaded.length + 1;
      const { ETag } = await this.#run((abortSignal) =>
        this.#client.send(new sdk.UploadPartCommand({ ...place, UploadId, PartNumber, Body }), {
          abortSignal,
        }),
      );
      uploaded.push({ ETag, PartNumber });
    };
    try {
      await add(first);
      for await (const part of rest) await add(part);
      const MultipartUpload = { Parts: uploaded };
      await this.#run((abortSignal) =>
        this.#client.send(new sdk.CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload }), {
          abortSignal,
        }),
      );
    } catch (error) {
      await this.#run((abortSignal) =>
        this.#client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId }), { abortSignal }),
      ).catch((cause: unknown) => {
        this.#ports.log.warn("parts of an upload stay in the bucket", { actorId, upload, error: cause });
      });
      throw error;
    }
  }

  /** Opens `start <= offset < end` of an upload, which must not be empty. */
  async open(
    actorId: string,
    upload: string,
    start: number,
    end: number,
  ): Promise<AsyncIterable<Uint8Array>> {
    const request = { ...this.#place(actorId, upload), Range: `bytes=${start}-${end - 1}` };
    const controller = new AbortController();
    const { Body } = await this.#run((signal) =>
      this.#client.send(new this.#sdk.GetObjectCommand(request), {
        abortSignal: AbortSignal.any([signal, controller.signal]),
      }),
    );
    if (Body === undefined) throw this.#unavailable(new Error("the answer has no body"));
    return this.#bytesOf(Body as Readable, end - start, controller);
  }

  async *#bytesOf(body: Readable, size: number, controller: AbortController): AsyncGenerator<Uint8Array> {
    let left = size;
    const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    try {
      for (;;) {
        const next = await this.#inTime(chunks.next(), controller);
        if (next.done === true) break;
        left -= next.value.length;
        yield new Uint8Array(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      }
      if (left !== 0) throw new Error(`${left} bytes of the object are missing`);
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      body.destroy();
    }
  }

  /** Removes an upload, if it exists. */
  async remove(actorId: string, upload: string): Promise<void> {
    await this.#run((abortSignal) =>
      this.#client.send(new this.#sdk.DeleteObjectCommand(this.#place(actorId, upload)), { abortSignal }),
    );
  }

  /** Runs a request with its retries, for a limited time. */
  async #run<T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    try {
      return await this.#inTime(request(controller.signal), controller);
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  async #inTime<T>(work: Promise<T>, controller: AbortController): Promise<T> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#ports.tasks.after(this.#timeoutMs, () => {
        const error = new Error(`it did not answer within ${this.#timeoutMs} ms`);
        controller.abort(error);
        reject(error);
      });
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
    }
  }

  #unavailable(cause: unknown): HoldfastError {
    return bucketUnavailable(this.#name, cause);
  }

  close(): void {
    this.#client.destroy();
  }
}

function bucketUnavailable(bucket: string, cause: unknown): HoldfastError {
  const { name = "", message = "" } = cause instanceof Error ? cause : new Error(String(cause));
  const status = (cause as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata
    ?.httpStatusCode;
  const why =
    reasonOf(name, status) ??
    `cannot be used (${name === "Error" || name === "" ? message : `${name}: ${message}`})`;
  const text = `The bucket "${bucket}" ${why}. Nothing was stored. Check HOLDFAST_BLOBS or the option "blobs", and the credentials of the AWS SDK`;
  return new HoldfastError("store", "bucket_unavailable", text, { cause, statusCode: 503 });
}

function reasonOf(name: string, status: number | undefined): string | undefined {
  if (name === "NoSuchBucket") return "does not exist";
  if (name === "NoSuchKey") return "does not have an object that the database refers to";
  return status === 401 || status === 403 ? `refuses these credentials (${name})` : undefined;
}

import { constants } from "node:os";
import type { OpenedS3 } from "@holdfast/core/s3";
import { agentOsLimits } from "../../limits.ts";
import { Errno } from "../errno.ts";
import type {
  CallTimes,
  Contents,
  RemoteEntry,
  RemoteFile,
  RemoteFiles,
  WriteCondition,
} from "./remote-files.ts";

const { EACCES, EEXIST, EFBIG, EIO, EISDIR, ENOENT, ENOTEMPTY, EOVERFLOW, ESTALE, EXDEV } = constants.errno;
/** More than S3 copies in one request. */
const maxCopyBytes = 5 * 1024 ** 3;

export interface BucketPlace {
  readonly bucket: string;
  /** Beginning of all keys: empty, or with a slash at its end. */
  readonly prefix: string;
}

/**
 * Objects of an S3-compatible bucket as files: one object for a file, and an empty one whose key ends in a slash for a
 * folder. Folders are there too when only something below them is.
 */
export class BucketFiles implements RemoteFiles {
  readonly #s3: OpenedS3;
  readonly #place: BucketPlace;
  readonly #times: CallTimes;

  constructor(s3: OpenedS3, place: BucketPlace, times: CallTimes) {
    this.#s3 = s3;
    this.#place = place;
    this.#times = times;
  }

  /** Fails with the error of the bucket unless that answers. */
  async check(): Promise<void> {
    const { client, sdk } = this.#s3;
    const command = new sdk.ListObjectsV2Command({ Bucket: this.#place.bucket, MaxKeys: 1 });
    await this.#times.within((abortSignal) => client.send(command, { abortSignal }));
  }

  async stat(path: string): Promise<RemoteFile> {
    if (path === "/") return folder;
    const [file, below] = await Promise.all([this.#head(path), this.#keysBelow(path, 1)]);
    if (file !== undefined) return file;
    if (below.length > 0) return folder;
    throw new Errno(ENOENT);
  }

  async list(path: string): Promise<RemoteEntry[]> {
    const { client, sdk } = this.#s3;
    const Prefix = this.#folderKey(path);
    const kinds = new Map<string, RemoteEntry["kind"]>();
    let isThere = path === "/";
    let ContinuationToken: string | undefined;
    do {
      const command = new sdk.ListObjectsV2Command({
        ...{ Bucket: this.#place.bucket, Prefix, Delimiter: "/" },
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      });
      const page = await this.#run((abortSignal) => client.send(command, { abortSignal }));
      const { Contents = [], CommonPrefixes = [] } = page;
      isThere ||= Contents.length + CommonPrefixes.length > 0;
      for (const { Prefix: key = "" } of CommonPrefixes)
        addName(kinds, key.slice(Prefix.length, -1), "directory");
      for (const { Key = "" } of Contents) addName(kinds, Key.slice(Prefix.length), "file");
      if (kinds.size > agentOsLimits.mountListedEntries) throw new Errno(EOVERFLOW);
      ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
    if (!isThere) throw new Errno(ENOENT);
    return [...kinds].map(([name, kind]) => ({ name, kind }));
  }

  async read(path: string, offset: number, length: number, ifMatch?: string): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const { client, sdk } = this.#s3;
    const command = new sdk.GetObjectCommand({
      ...{ ...this.#object(path), Range: `bytes=${offset}-${offset + length - 1}` },
      ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
    });
    const read = this.#times.within(async (abortSignal) => {
      const { Body } = await client.send(command, { abortSignal });
      return (await Body?.transformToByteArray()) ?? new Uint8Array(0);
    });
    return await read.catch((error: unknown) => {
      // The range begins at the end, or beyond it.
      if (statusOf(error) === 416) return new Uint8Array(0);
      throw toErrno(error);
    });
  }

  async write(path: string, contents: Contents, condition: WriteCondition): Promise<string | undefined> {
    // Many servers take no conditions: they are checked here as well, at least.
    const now = await this.#head(path);
    const { ifMatch, ifNoneMatch } = condition;
    const isOther = ifMatch !== undefined && now?.etag !== ifMatch;
    if (isOther || (ifNoneMatch !== undefined && now !== undefined)) throw new Errno(ESTALE);
    if (contents.size > agentOsLimits.mountPartBytes * 10_000) throw new Errno(EFBIG);
    const conditions = {
      ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
    };
    if (contents.size > agentOsLimits.mountPartBytes) return this.#putInParts(path, contents, conditions);
    const { client, sdk } = this.#s3;
    const Body = await contents.read(0, contents.size);
    const command = new sdk.PutObjectCommand({ ...this.#object(path), ...conditions, Body });
    return (await this.#run((abortSignal) => client.send(command, { abortSignal }))).ETag;
  }

  async makeDirectory(path: string): Promise<void> {
    const exists = await this.stat(path).catch(() => undefined);
    if (exists !== undefined) throw new Errno(EEXIST);
    await this.#putFolder(path);
  }

  async remove(path: string): Promise<void> {
    const { kind } = await this.stat(path);
    if (kind === "directory") {
      const marker = this.#folderKey(path);
      const below = await this.#keysBelow(path, 2);
      if (below.some((key) => key !== marker)) throw new Errno(ENOTEMPTY);
      await this.#delete(marker);
    } else await this.#delete(this.#object(path).Key);
    await this.#keepFolder(parentOf(path));
  }

  /** Folders are copied by whoever moves them: EXDEV. */
  async move(from: string, to: string, overwrite: boolean): Promise<void> {
    const { kind, size } = await this.stat(from);
    if (kind === "directory" || size > maxCopyBytes) throw new Errno(EXDEV);
    const replaced = await this.stat(to).catch(() => undefined);
    if (replaced !== undefined && !overwrite) throw new Errno(EEXIST);
    if (replaced?.kind === "directory") throw new Errno(EISDIR);
    const { client, sdk } = this.#s3;
    const { Bucket, Key } = this.#object(from);
    const CopySource = `${Bucket}/${Key.split("/").map(encodeURIComponent).join("/")}`;
    const command = new sdk.CopyObjectCommand({ ...this.#object(to), CopySource });
    await this.#run((abortSignal) => client.send(command, { abortSignal }));
    await this.#delete(Key);
    await this.#keepFolder(parentOf(from));
  }

  close(): void {
    this.#s3.client.destroy();
  }

  async #putInParts(
    path: string,
    contents: Contents,
    conditions: { readonly IfMatch?: string; readonly IfNoneMatch?: string },
  ): Promise<string | undefined> {
    const { client, sdk } = this.#s3;
    const place = this.#object(path);
    const { UploadId } = await this.#run((abortSignal) =>
      client.send(new sdk.CreateMultipartUploadCommand(place), { abortSignal }),
    );
    try {
      const Parts: { readonly ETag: string | undefined; readonly PartNumber: number }[] = [];
      for (let at = 0; at < contents.size; ) {
        const Body = await contents.read(at, Math.min(agentOsLimits.mountPartBytes, contents.size - at));
        // The file was made shorter meanwhile.
        if (Body.length === 0) break;
        const part = { ...place, UploadId, PartNumber: Parts.length + 1, Body };
        const { ETag } = await this.#run((abortSignal) =>
          client.send(new sdk.UploadPartCommand(part), { abortSignal }),
        );
        Parts.push({ ETag, PartNumber: part.PartNumber });
        at += Body.length;
      }
      const whole = { ...place, ...conditions, UploadId, MultipartUpload: { Parts } };
      const { ETag } = await this.#run((abortSignal) =>
        client.send(new sdk.CompleteMultipartUploadCommand(whole), { abortSignal }),
      );
      return ETag;
    } catch (error) {
      const abort = new sdk.AbortMultipartUploadCommand({ ...place, UploadId });
      // Otherwise the rules of the bucket remove its parts.
      await this.#run((abortSignal) => client.send(abort, { abortSignal })).catch(() => {});
      throw error;
    }
  }

  async #head(path: string): Promise<RemoteFile | undefined> {
    const { client, sdk } = this.#s3;
    try {
      const command = new sdk.HeadObjectCommand(this.#object(path));
      const {
        ContentLength = 0,
        LastModified,
        ETag,
      } = await this.#run((abortSignal) => client.send(command, { abortSignal }));
      return {
        kind: "file",
        size: ContentLength,
        mode: 0o644,
        modifiedNs: BigInt(LastModified?.getTime() ?? 0) * 1_000_000n,
        ...(ETag === undefined ? {} : { etag: ETag }),
      };
    } catch (error) {
      if (error instanceof Errno && error.errno === ENOENT) return undefined;
      throw error;
    }
  }

  /** The first keys of a folder. */
  async #keysBelow(path: string, MaxKeys: number): Promise<string[]> {
    const { client, sdk } = this.#s3;
    const place = { Bucket: this.#place.bucket, Prefix: this.#folderKey(path), MaxKeys };
    const command = new sdk.ListObjectsV2Command(place);
    const { Contents = [] } = await this.#run((abortSignal) => client.send(command, { abortSignal }));
    return Contents.map(({ Key = "" }) => Key);
  }

  /** A folder stays when the last file in it has gone. */
  async #keepFolder(path: string): Promise<void> {
    if (path !== "/" && (await this.#keysBelow(path, 1)).length === 0) await this.#putFolder(path);
  }

  async #putFolder(path: string): Promise<void> {
    const { client, sdk } = this.#s3;
    const place = { Bucket: this.#place.bucket, Key: this.#folderKey(path) };
    const command = new sdk.PutObjectCommand({ ...place, Body: new Uint8Array(0) });
    await this.#run((abortSignal) => client.send(command, { abortSignal }));
  }

  async #delete(Key: string): Promise<void> {
    const { client, sdk } = this.#s3;
    const command = new sdk.DeleteObjectCommand({ Bucket: this.#place.bucket, Key });
    await this.#run((abortSignal) => client.send(command, { abortSignal }));
  }

  #object(path: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: `${this.#place.prefix}${path.slice(1)}` };
  }

  #folderKey(path: string): string {
    return path === "/" ? this.#place.prefix : `${this.#object(path).Key}/`;
  }

  #run<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#times.within(call).catch((error: unknown) => {
      throw toErrno(error);
    });
  }
}

const folder: RemoteFile = { kind: "directory", size: 0, modifiedNs: 0n, mode: 0o755 };

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** Keys that no path can have are left out. A file hides a folder of its name. */
function addName(kinds: Map<string, RemoteEntry["kind"]>, name: string, kind: RemoteEntry["kind"]): void {
  const isName = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
  if (isName && Buffer.byteLength(name) <= 255 && kinds.get(name) !== "file") kinds.set(name, kind);
}

function toErrno(error: unknown): Errno {
  if (error instanceof Errno) return error;
  const status = statusOf(error);
  if (status === 404) return new Errno(ENOENT);
  // 409: another write of the object runs.
  if (status === 409 || status === 412) return new Errno(ESTALE);
  if (status === 401 || status === 403) return new Errno(EACCES);
  return new Errno(EIO);
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Where the files of a mount are: another sandbox, a bucket, or memory. Each call ends in time. */
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Errno } from "../errno.ts";

export interface RemoteFile {
  readonly kind: "file" | "directory" | "link";
  readonly size: number;
  readonly modifiedNs: bigint;
  /** Permission bits. */
  readonly mode: number;
  /** Validator of the contents, where there is one. */
  readonly etag?: string;
  readonly target?: string;
}

export interface RemoteEntry {
  readonly name: string;
  readonly kind: RemoteFile["kind"];
}

/** Contents to write. */
export interface Contents {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** Condition of a write: on the version that it replaces, or that there is none. */
export type WriteCondition = { readonly ifMatch?: string; readonly ifNoneMatch?: "*" };

/** What a mount shows: files by absolute paths. Each call ends in time, and fails with {@link Errno}. */
export interface RemoteFiles {
  /** Does not follow a link at the end. */
  stat(path: string): Promise<RemoteFile>;
  list(path: string): Promise<readonly RemoteEntry[]>;
  /** Fewer bytes at the end of the file. ESTALE where it no longer is the version of `ifMatch`. */
  read(path: string, offset: number, length: number, ifMatch?: string): Promise<Uint8Array>;
  /** Replaces the file; gives its new validator. ESTALE where the condition does not hold. */
  write(path: string, contents: Contents, condition: WriteCondition): Promise<string | undefined>;
  makeDirectory(path: string): Promise<void>;
  /** A file, a link or an empty directory. */
  remove(path: string): Promise<void>;
  move(from: string, to: string, overwrite: boolean): Promise<void>;
  /** After the unmount. */
  close(): void;
}

/** Bounds the time of calls to another server. */
export class CallTimes {
  readonly #timeoutMs: number;
  readonly #onProgress: () => void;

  /** `onProgress` is called after each call, and when a part of a longer one is done. */
  constructor(timeoutMs: number, onProgress: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onProgress = onProgress;
  }

  /** EIO when the call takes too long; its signal aborts then. */
  async within<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ends = new AbortController();
    const stop = new AbortController();
    const late = delay(this.#timeoutMs, undefined, { signal: ends.signal }).then(
      () => {
        stop.abort();
        throw new Errno(constants.errno.EIO);
      },
      // The call has ended first.
      () => new Promise<never>(() => {}),
    );
    try {
      return await Promise.race([call(stop.signal), late]);
    } finally {
      ends.abort();
      this.#onProgress();
    }
  }

  /** EIO without progress for that long. `work` calls its argument for each part that is done. */
  async whileActive<T>(work: (extend: () => void) => Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Errno(constants.errno.EIO)), this.#timeoutMs);
    const extend = () => {
      timer.refresh();
      this.#onProgress();
    };
    try {
      return await Promise.race([work(extend), late.promise]);
    } finally {
      clearTimeout(timer);
      late.promise.catch(() => {});
    }
  }
}

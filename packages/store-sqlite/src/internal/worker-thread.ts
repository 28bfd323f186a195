import * as nodeModule from "node:module";
import { dirname } from "node:path";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { closed } from "./errors.ts";
import type { WorkerReply, WorkerRequest } from "./worker.ts";

/** The published package is JavaScript, and a path in a string is not rewritten as imports are. */
const script = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

type Done = Extract<WorkerReply, { type: "done" }>;

/** An SQLite error of the thread, with its extended result code. */
class ThreadError extends Error {
  readonly errcode: number;

  constructor(message: string, errcode: number) {
    super(message);
    this.name = "ThreadError";
    this.errcode = errcode;
  }
}

/**
 * A thread with its own connection to the store, for long work: checkpoints and copies. Starts with the first request,
 * and keeps the process alive only while it works.
 */
export class WorkerThread {
  readonly #databaseFile: string;
  #worker: Worker | undefined;
  #waiting: { resolve: (reply: Done) => void; reject: (error: unknown) => void }[] = [];
  #ended: Error | undefined;

  constructor(databaseFile: string) {
    this.#databaseFile = databaseFile;
  }

  /** Sends one request; requests are answered in order. Rejects with `store.closed` after `close`. */
  send(request: Exclude<WorkerRequest, { type: "close" }>): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      this.#worker ??= this.#start();
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  /** Closes the connection and waits for the thread to end. Idempotent. */
  close(): Promise<void> {
    const worker = this.#worker;
    const hasEnded = this.#ended !== undefined;
    this.#worker = undefined;
    // Set first: a request that arrives while the thread ends must not start another one, which would never be closed.
    this.#ended ??= closed();
    if (worker === undefined || hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      worker.ref();
      worker.once("exit", () => resolve());
      const request: WorkerRequest = { type: "close" };
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    // A program given as text (`--eval`) has options that would prevent loading a file.
    const isText = process.execArgv.some((option) => option.startsWith("--input-type"));
    const worker = new Worker(script, {
      workerData: this.#databaseFile,
      ...environment(),
      ...(isText && { execArgv: [] }),
    });
    worker.on("message", (reply: WorkerReply) => {
      const waiter = this.#waiting.shift();
      if (this.#waiting.length === 0 && this.#worker !== undefined) worker.unref();
      if (reply.type === "done") waiter?.resolve(reply);
      else waiter?.reject(new ThreadError(reply.message, reply.code));
    });
    worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => this.#end(new Error(`The store's thread ended with code ${code}`)));
    return worker;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

/** A thread keeps what it has compiled only if its environment says where; else that is most of its start. */
function environment(): Pick<WorkerOptions, "env"> {
  // Other runtimes lack it.
  const directory = nodeModule.getCompileCacheDir?.();
  // The directory of this version of Node, which each thread appends by itself.
  return directory === undefined ? {} : { env: { ...process.env, NODE_COMPILE_CACHE: dirname(directory) } };
}

import { Worker } from "node:worker_threads";
import { closed } from "./errors.ts";
import type { WorkerReply, WorkerRequest } from "./worker.ts";

/** The published package is JavaScript, and a path in a string is not rewritten with the imports. */
const script = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

type Done = Extract<WorkerReply, { type: "done" }>;

/** An error of SQLite that happened in the thread, with its extended result code. */
class ThreadError extends Error {
  readonly errcode: number;

  constructor(message: string, errcode: number) {
    super(message);
    this.name = "ThreadError";
    this.errcode = errcode;
  }
}

/**
 * A thread with a connection of its own to the store, for work that takes long: checkpoints, copies.
 * It starts with the first request, and keeps the process alive only while it works.
 */
export class WorkerThread {
  readonly #databaseFile: string;
  #worker: Worker | undefined;
  #waiting: { resolve: (reply: Done) => void; reject: (error: unknown) => void }[] = [];
  #ended: Error | undefined;

  constructor(databaseFile: string) {
    this.#databaseFile = databaseFile;
  }

  /** Does one thing; requests are answered in order. Rejects with `store.closed` after `close`. */
  ask(request: Exclude<WorkerRequest, { type: "close" }>): Promise<Done> {
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
    // From now on, also for what comes while the thread ends: a thread that is made then nobody would close.
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
    // A program that was given as text has options that would keep a file from being loaded.
    const isText = process.execArgv.some((option) => option.startsWith("--input-type"));
    const worker = new Worker(script, { workerData: this.#databaseFile, ...(isText && { execArgv: [] }) });
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

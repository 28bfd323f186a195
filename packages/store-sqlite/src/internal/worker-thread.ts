import { Worker } from "node:worker_threads";
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
 * It does not keep the process alive.
 */
export class WorkerThread {
  readonly #worker: Worker;
  #waiting: { resolve: (reply: Done) => void; reject: (error: unknown) => void }[] = [];
  #ended: unknown;

  constructor(databaseFile: string) {
    this.#worker = new Worker(script, { workerData: databaseFile });
    this.#worker.unref();
    this.#worker.on("message", (reply: WorkerReply) => {
      const waiter = this.#waiting.shift();
      if (reply.type === "done") waiter?.resolve(reply);
      else waiter?.reject(new ThreadError(reply.message, reply.code));
    });
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", (code) => this.#end(new Error(`The store's thread ended with code ${code}`)));
  }

  /** Does one thing; requests are answered in order. */
  ask(request: Exclude<WorkerRequest, { type: "close" }>): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  /** Closes the connection and waits for the thread to end. Idempotent. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended !== undefined) return resolve();
      this.#worker.ref();
      this.#worker.once("exit", () => resolve());
      const request: WorkerRequest = { type: "close" };
      this.#worker.postMessage(request);
    });
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

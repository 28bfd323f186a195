import type { Tasks, Timer } from "@holdfast/core";
import { encodeEvent, type StartEvent } from "./start-request.ts";

export interface StartStreamOptions {
  readonly tasks: Tasks;
  /** Id of this node. */
  readonly node: string;
  readonly pingMs: number;
  /** Time after which the node has to begin to leave, in milliseconds. */
  readonly lifetimeMs: number;
  /** Aborts when whoever has started the node is gone. */
  readonly gone: AbortSignal;
  /** Called once: that time is up, or whoever has started the node is gone. */
  ended(): void;
}

/** The response to a start request. As long as it lasts, the host keeps this process alive. */
export class StartStream {
  readonly response: Response;
  readonly #options: StartStreamOptions;
  readonly #lifetime: Timer;
  #ping: Timer | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #hasEnded = false;

  constructor(options: StartStreamOptions) {
    this.#options = options;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
        this.#ended();
      },
    });
    // No proxy may wait for the end, or change what it passes on.
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    };
    this.response = new Response(body, { headers });
    this.#lifetime = options.tasks.after(options.lifetimeMs, () => this.#ended());
    this.#send({ event: "started", node: options.node });
    this.#pingLater();
    options.gone.addEventListener("abort", () => this.#ended(), { once: true });
    if (options.gone.aborted) options.tasks.macrotask(() => this.#ended());
  }

  stopping(): void {
    this.#send({ event: "stopping" });
  }

  end(): void {
    this.#hasEnded = true;
    this.#lifetime.cancel();
    this.#ping?.cancel();
    this.#controller?.close();
    this.#controller = undefined;
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#lifetime.cancel();
    this.#options.ended();
  }

  #pingLater(): void {
    this.#ping = this.#options.tasks.after(this.#options.pingMs, () => {
      this.#send({ event: "ping" });
      this.#pingLater();
    });
  }

  #send(event: StartEvent): void {
    this.#controller?.enqueue(encodeEvent(event));
  }
}

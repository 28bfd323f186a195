import { ObjectHost } from "./object/object-host.ts";
import type { ObjectState, WorkerSocket } from "./platform.ts";
import { type ActorRegistry, type HandlerOptions, settingsOf } from "./settings.ts";
import { serveInWorker } from "./worker.ts";

/** A Durable Object, as its runtime calls it. */
export interface ActorObject {
  fetch(request: Request): Promise<Response>;
  alarm(): Promise<void>;
  webSocketMessage(socket: WorkerSocket, data: string | ArrayBuffer): void;
  webSocketClose(socket: WorkerSocket, code: number, reason: string, wasClean: boolean): void;
  webSocketError(socket: WorkerSocket): void;
}

/** What a Worker exports. */
export interface Handler {
  /** The `fetch` of the Worker. */
  readonly fetch: (request: Request, env: unknown) => Promise<Response>;
  /** The class of the objects; export it under the name that `wrangler.jsonc` binds. */
  readonly HoldfastActor: new (
    state: ObjectState,
    env: unknown,
  ) => ActorObject;
}

/**
 * Serves the actors of a registry from a Worker: `fetch` routes each request to the object of its actor, an instance of
 * `HoldfastActor`. Throws `gateway.invalid_config`, and `gateway.not_supported` for options that need a server.
 */
export function createHandler(registry: ActorRegistry | object, options: HandlerOptions = {}): Handler {
  const settings = settingsOf(registry, options);

  class HoldfastActor implements ActorObject {
    readonly #host: ObjectHost;

    constructor(state: ObjectState, env: unknown) {
      this.#host = new ObjectHost(state, env, settings);
    }

    fetch(request: Request): Promise<Response> {
      return this.#host.fetch(request);
    }

    alarm(): Promise<void> {
      return this.#host.alarm();
    }

    webSocketMessage(socket: WorkerSocket, data: string | ArrayBuffer): void {
      this.#host.sockets.message(socket, data);
    }

    webSocketClose(socket: WorkerSocket, code: number, reason: string): void {
      this.#host.sockets.closed(socket, code, reason);
    }

    webSocketError(socket: WorkerSocket): void {
      this.#host.sockets.closed(socket, 1006, "");
    }
  }

  return { fetch: (request, env) => serveInWorker(settings, request, env), HoldfastActor };
}

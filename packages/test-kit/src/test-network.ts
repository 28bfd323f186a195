import {
  BufferedWebSocket,
  type ClientDriver,
  type ClosedReason,
  type DriverConnection,
  type DriverListener,
  type DriverWebSocket,
} from "@holdfast/client";
import { HoldfastError, toWireError } from "@holdfast/core";
import type { LocalConnection, LocalDriver } from "@holdfast/server";

/** Simulated network between a test's client and server. It can be partitioned, and the server replaced. */
export class TestNetwork {
  readonly #connections = new Set<() => void>();
  readonly #sockets = new Set<BufferedWebSocket>();
  #server: LocalDriver;
  /** Number of partitions that are not healed. */
  #partitions = 0;
  #inFlight = createInFlight();

  constructor(server: LocalDriver) {
    this.#server = server;
  }

  /** Driver for the client of the test. */
  get driver(): ClientDriver {
    return new Proxy(this.#server, {
      get: (_, name) => {
        if (name === "connect") return this.#connect;
        if (name === "webSocket") return this.#webSocket;
        const value: unknown = Reflect.get(this.#server, name, this.#server);
        if (!isFunction(value)) return value;
        // Encoding and `dispose` need no server; every other method is a request.
        if (name === "dispose" || String(name).startsWith("prepare")) return value.bind(this.#server);
        return (...args: unknown[]) => this.#request(value, args);
      },
    });
  }

  /** Fails everything in flight with `client.network_error`, and sends later requests to `server`. */
  replace(server: LocalDriver): void {
    this.#failInFlight();
    this.#server = server;
  }

  /** Blocks all traffic until the returned function, and that of every other partition, was called. */
  partition(): () => void {
    this.#partitions++;
    let healed = false;
    // The server keeps running and notices the loss of its sockets too.
    for (const socket of this.#sockets) socket.onAborted?.();
    this.#failInFlight();
    return () => {
      if (healed) return;
      healed = true;
      this.#partitions--;
    };
  }

  get #isPartitioned(): boolean {
    return this.#partitions > 0;
  }

  #request(method: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    if (this.#isPartitioned) return Promise.reject(networkError());
    const result: unknown = Reflect.apply(method, this.#server, args);
    if (!(result instanceof Promise)) return result;
    const { promise, signal } = this.#inFlight;
    return Promise.race([result.then((value: unknown) => failOnAbort(value, signal)), promise]);
  }

  readonly #connect = (...args: Parameters<ClientDriver["connect"]>): DriverConnection => {
    const [target, params, listener, ...rest] = args;
    let closed = false;
    const close = (reason: ClosedReason): void => {
      if (closed) return;
      closed = true;
      this.#connections.delete(drop);
      listener.closed(reason);
    };
    const drop = (): void => {
      connection?.lose();
      close({ error: toWireError(networkError()), final: false });
    };
    const guardedListener: DriverListener = {
      frame: (frame) => {
        if (!closed) listener.frame(frame);
      },
      closed: close,
    };
    let connection: LocalConnection | undefined;
    if (this.#isPartitioned) queueMicrotask(drop);
    else {
      this.#connections.add(drop);
      connection = this.#server.connect(target, params, guardedListener, ...rest);
    }
    return {
      send: (frame) => connection?.send(frame),
      close: () => {
        closed = true;
        this.#connections.delete(drop);
        return connection?.close();
      },
      lose: () => {
        closed = true;
        this.#connections.delete(drop);
        connection?.lose();
      },
    };
  };

  readonly #webSocket = (request: DriverWebSocket): BufferedWebSocket => {
    if (this.#isPartitioned) {
      const unreachable = new BufferedWebSocket({
        url: `ws://actor${request.path}`,
        clientCloseCodesOnly: true,
      });
      queueMicrotask(() => disconnectSocket(unreachable));
      return unreachable;
    }
    const socket = this.#server.webSocket(request);
    this.#sockets.add(socket);
    void socket.closed.then(() => this.#sockets.delete(socket));
    return socket;
  };

  #failInFlight(): void {
    for (const socket of [...this.#sockets]) disconnectSocket(socket);
    const { fail } = this.#inFlight;
    this.#inFlight = createInFlight();
    fail();
    for (const drop of [...this.#connections]) drop();
  }
}

/** Ends a WebSocket as if the other side were unreachable. */
function disconnectSocket(socket: BufferedWebSocket): void {
  socket.onFailed(networkError());
  socket.onClosed(1006, "", false);
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === "function";
}

/** Cancellation of everything in flight until the next partition. */
interface InFlight {
  readonly promise: Promise<never>;
  /** For streams that continue after their response has started. */
  readonly signal: AbortSignal;
  readonly fail: () => void;
}

function createInFlight(): InFlight {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const controller = new AbortController();
  const fail = (): void => {
    const error = networkError();
    reject(error);
    controller.abort(error);
  };
  return { promise, signal: controller.signal, fail };
}

/** Makes streamed results and response bodies fail on a partition. */
function failOnAbort(answer: unknown, signal: AbortSignal): unknown {
  if (answer instanceof ReadableStream) return withSignal(answer, signal);
  if (!(answer instanceof Response) || answer.body === null) return answer;
  const { status, statusText, headers, url, redirected } = answer;
  const cut = new Response(withSignal(answer.body, signal), { status, statusText, headers });
  // The constructor of `Response` cannot set these.
  return Object.defineProperties(cut, { url: { value: url }, redirected: { value: redirected } });
}

function withSignal<Piece>(stream: ReadableStream<Piece>, signal: AbortSignal): ReadableStream<Piece> {
  return stream.pipeThrough(new TransformStream<Piece, Piece>(), { signal });
}

function networkError(): HoldfastError {
  return new HoldfastError("client", "network_error", "The connection to the server was lost");
}

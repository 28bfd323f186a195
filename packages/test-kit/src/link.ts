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

/** The way between the client of a test and its server: it can be cut, and the server be replaced. */
export class Link {
  readonly #connections = new Set<() => void>();
  readonly #sockets = new Set<BufferedWebSocket>();
  #server: LocalDriver;
  /** Cuts that are not healed. */
  #cuts = 0;
  #severed = newSeverance();

  constructor(server: LocalDriver) {
    this.#server = server;
  }

  /** What the client of the test speaks to. */
  get driver(): ClientDriver {
    return new Proxy(this.#server, {
      get: (_, name) => {
        if (name === "connect") return this.#connect;
        if (name === "webSocket") return this.#webSocket;
        const value: unknown = Reflect.get(this.#server, name, this.#server);
        if (!isFunction(value)) return value;
        // Encoding needs no server, and neither does leaving; everything else is a request.
        if (name === "dispose" || String(name).startsWith("prepare")) return value.bind(this.#server);
        return (...args: unknown[]) => this.#request(value, args);
      },
    });
  }

  /** Everything that is under way fails with `client.network_error`; later requests go to `server`. */
  replace(server: LocalDriver): void {
    this.#sever();
    this.#server = server;
  }

  /** Nothing gets through until the returned function is called, and that of every other cut. */
  cut(): () => void {
    this.#cuts++;
    let healed = false;
    // The server lives, and hears of it as well.
    for (const socket of this.#sockets) socket.onAborted?.();
    this.#sever();
    return () => {
      if (healed) return;
      healed = true;
      this.#cuts--;
    };
  }

  get #cut(): boolean {
    return this.#cuts > 0;
  }

  #request(method: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    if (this.#cut) return Promise.reject(networkError());
    const result: unknown = Reflect.apply(method, this.#server, args);
    if (!(result instanceof Promise)) return result;
    const { promise, signal } = this.#severed;
    return Promise.race([result.then((value: unknown) => severable(value, signal)), promise]);
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
      inner?.lose();
      close({ error: toWireError(networkError()), final: false });
    };
    const guarded: DriverListener = {
      frame: (frame) => {
        if (!closed) listener.frame(frame);
      },
      closed: close,
    };
    let inner: LocalConnection | undefined;
    if (this.#cut) queueMicrotask(drop);
    else {
      this.#connections.add(drop);
      inner = this.#server.connect(target, params, guarded, ...rest);
    }
    return {
      send: (frame) => inner?.send(frame),
      close: () => {
        closed = true;
        this.#connections.delete(drop);
        return inner?.close();
      },
    };
  };

  readonly #webSocket = (request: DriverWebSocket): BufferedWebSocket => {
    if (this.#cut) {
      const refused = new BufferedWebSocket({ url: `ws://actor${request.path}`, clientCloseCodesOnly: true });
      queueMicrotask(() => lose(refused));
      return refused;
    }
    const socket = this.#server.webSocket(request);
    this.#sockets.add(socket);
    void socket.closed.then(() => this.#sockets.delete(socket));
    return socket;
  };

  #sever(): void {
    for (const socket of [...this.#sockets]) lose(socket);
    const { sever } = this.#severed;
    this.#severed = newSeverance();
    sever();
    for (const drop of [...this.#connections]) drop();
  }
}

/** As a WebSocket ends whose other side is out of reach. */
function lose(socket: BufferedWebSocket): void {
  socket.onFailed(networkError());
  socket.onClosed(1006, "", false);
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === "function";
}

/** What is under way until the next cut. */
interface Severance {
  readonly promise: Promise<never>;
  /** For what goes on after its answer has begun. */
  readonly signal: AbortSignal;
  readonly sever: () => void;
}

function newSeverance(): Severance {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const controller = new AbortController();
  const sever = (): void => {
    const error = networkError();
    reject(error);
    controller.abort(error);
  };
  return { promise, signal: controller.signal, sever };
}

/** An answer that comes in pieces is cut off with everything else. */
function severable(answer: unknown, signal: AbortSignal): unknown {
  if (answer instanceof ReadableStream) return cutOffBy(answer, signal);
  if (!(answer instanceof Response) || answer.body === null) return answer;
  const { status, statusText, headers, url, redirected } = answer;
  const cut = new Response(cutOffBy(answer.body, signal), { status, statusText, headers });
  // Where a response came from no constructor takes.
  return Object.defineProperties(cut, { url: { value: url }, redirected: { value: redirected } });
}

function cutOffBy<Piece>(stream: ReadableStream<Piece>, signal: AbortSignal): ReadableStream<Piece> {
  return stream.pipeThrough(new TransformStream<Piece, Piece>(), { signal });
}

function networkError(): HoldfastError {
  return new HoldfastError("client", "network_error", "The connection to the server was lost");
}

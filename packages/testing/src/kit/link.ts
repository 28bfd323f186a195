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
  #cut = false;
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

  /** Nothing gets through until `heal`. */
  cut(): void {
    this.#cut = true;
    // The server lives, and hears of it as well.
    for (const socket of this.#sockets) socket.onAborted?.();
    this.#sever();
  }

  heal(): void {
    this.#cut = false;
  }

  #request(method: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    if (this.#cut) return Promise.reject(networkError());
    const result = Reflect.apply(method, this.#server, args);
    return result instanceof Promise ? Promise.race([result, this.#severed.promise]) : result;
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
      const refused = new BufferedWebSocket({ url: `ws://actor${request.path}`, clientCodes: true });
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
    const { reject } = this.#severed;
    this.#severed = newSeverance();
    reject(networkError());
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

function newSeverance(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  return { promise, reject };
}

function networkError(): HoldfastError {
  return new HoldfastError("client", "network_error", "The connection to the server was lost");
}

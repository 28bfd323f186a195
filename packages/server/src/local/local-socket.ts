import { BufferedWebSocket, type RawTransport } from "@holdfast/client";
import type { Ports } from "@holdfast/core";
import { visibleError } from "../gateway/http/exchange.ts";
import type { RawSession } from "../sessions/raw-session.ts";

interface Opened {
  readonly host: RawSession;
  readonly protocol: string;
}

/**
 * A raw WebSocket with both ends in this process. Messages arrive at a macrotask of their own, as over a network;
 * messages that an actor sends as a client leave after its output gate.
 */
export function openLocalSocket(
  ports: Ports,
  url: string,
  gate: () => Promise<void>,
  open: (transport: RawTransport) => Promise<Opened>,
): BufferedWebSocket {
  return new LocalSocket(ports, url, gate, open).socket;
}

class LocalSocket {
  readonly socket: BufferedWebSocket;
  readonly #ports: Ports;
  readonly #gate: () => Promise<void>;
  /** Operations of the client leave in order, each after its gate. */
  #tail: Promise<RawSession | undefined>;
  /** Everything for the client arrives in order, at macrotasks. */
  #arriving: (() => void)[] = [];
  /** Messages that the actor sent before the client's socket was open. */
  #early: (() => void)[] | undefined = [];
  #ended = false;

  constructor(
    ports: Ports,
    url: string,
    gate: () => Promise<void>,
    open: (transport: RawTransport) => Promise<Opened>,
  ) {
    this.#ports = ports;
    this.#gate = gate;
    this.socket = new BufferedWebSocket({ url, clientCloseCodesOnly: true });
    this.socket.onAborted = () => this.#leave(1006, "");
    this.#tail = open(this.#toClient()).then(
      ({ host, protocol }) => {
        this.#arriveFirst(() => this.socket.onOpened(this.#toActor(), protocol));
        return host;
      },
      (error: unknown) => {
        const visible = visibleError(error, ports);
        this.#arriveFirst(() => this.socket.onFailed(visible));
        this.#end(1011, `${visible.group}.${visible.code}`);
        return undefined;
      },
    );
  }

  /** Messages from the actor. */
  #toClient(): RawTransport {
    return {
      bufferedAmount: 0,
      send: (data) => this.#arriveLater(() => this.socket.onReceived(data)),
      close: (code, reason) => {
        this.#end(code ?? 1005, reason);
        this.#tell(code ?? 1005, reason);
      },
    };
  }

  /** Messages from the client. */
  #toActor(): RawTransport {
    return {
      bufferedAmount: 0,
      send: (data) => this.#follow((host) => host.received(data)),
      close: (code, reason) => this.#leave(code ?? 1005, reason),
    };
  }

  #leave(code: number, reason: string): void {
    this.#follow((host) => host.closed(code, reason, true));
    this.#end(code, reason);
  }

  #follow(act: (host: RawSession) => void): void {
    // The gate is taken now: a message waits for writes before it, not for later ones.
    const gate = this.#gate();
    const before = this.#tail;
    this.#tail = Promise.all([before, gate]).then(
      ([host]) => {
        if (host !== undefined) act(host);
        return host;
      },
      async () => {
        // The caller's turn was not committed, so neither its messages nor later ones may leave.
        (await before)?.closed(1006, "", false);
        this.#end(1006, "");
        return undefined;
      },
    );
  }

  /** Reports a close to the actor's end, after the messages before it. */
  #tell(code: number, reason: string): void {
    this.#tail = this.#tail.then((host) => {
      host?.closed(code, reason, true);
      return host;
    });
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#arriveLater(() => this.socket.onClosed(code, reason, code !== 1006));
  }

  #arriveFirst(event: () => void): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const each of [event, ...early]) this.#arrive(each);
  }

  #arriveLater(event: () => void): void {
    if (this.#early === undefined) this.#arrive(event);
    else this.#early.push(event);
  }

  #arrive(event: () => void): void {
    if (this.#arriving.push(event) > 1) return;
    this.#ports.tasks.macrotask(() => {
      const events = this.#arriving;
      this.#arriving = [];
      for (const each of events) each();
    });
  }
}

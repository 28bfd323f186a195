import type { OutgoingEvent } from "@holdfast/actors";
import {
  type ClientFrame,
  type ClosedReason,
  closedReason,
  type DriverConnection,
  type DriverListener,
  decodeClientMessage,
  joinFrames,
  type PreparedFrame,
  protocolVersion,
  type ResumeInfo,
  type ServerFrame,
  trustedDepth,
} from "@holdfast/client";
import {
  decodeValue,
  isErrorCode,
  isHoldfastError,
  type Ports,
  toWireError,
  type WireError,
} from "@holdfast/core";
import type { Session } from "../sessions/session.ts";
import type { SessionOutput } from "../sessions/types.ts";

/**
 * A connection with both ends in this process. Frames are copied through the codec, and responses arrive at a
 * macrotask of their own, as over a network.
 */
export class LocalConnection implements DriverConnection, SessionOutput {
  readonly #ports: Ports;
  readonly #listener: DriverListener;
  readonly #gate: () => Promise<void>;
  /** Frames leave in order, each after its gate. */
  #tail: Promise<Session | undefined>;
  #outgoing: ServerFrame[] = [];
  #closed: ClosedReason | undefined;
  #ended = false;

  constructor(
    ports: Ports,
    listener: DriverListener,
    gate: () => Promise<void>,
    open: (output: SessionOutput) => Promise<Session>,
  ) {
    this.#ports = ports;
    this.#listener = listener;
    this.#gate = gate;
    this.#tail = open(this).catch((error: unknown) => {
      this.#finish({ error: wireOf(error), final: false });
      return undefined;
    });
  }

  send(frame: PreparedFrame): void {
    if (this.#ended) return;
    // The gate is taken now: a frame waits for writes before it, not for later ones.
    const gate = this.#gate();
    const before = this.#tail;
    this.#tail = Promise.all([before, gate]).then(
      ([session]) => {
        for (const copied of copiesOf(frame)) session?.frame(copied);
        return session;
      },
      (error: unknown) => before.then((session) => this.#keptBack(frame, error, session)),
    );
  }

  /** Returns the receiver of the next frames. */
  #keptBack(frame: PreparedFrame, error: unknown, session: Session | undefined): Session | undefined {
    if (!isErrorCode(error, "actor", "output_in_transaction")) {
      // The caller's turn was not committed, so neither its frames nor later ones may leave.
      this.#ended = true;
      session?.end();
      return undefined;
    }
    const [refused] = copiesOf(frame);
    if (refused?.type === "call" || refused?.type === "send") {
      this.error(refused.id, wireOf(error));
      return session;
    }
    // Frames without a response, such as subscriptions, are repeated over the next connection.
    this.#finish({ error: wireOf(error), final: false });
    session?.lose();
    return undefined;
  }

  close(code?: number, reason?: string): void {
    if (code === undefined || reason === undefined) {
      this.#ended = true;
      void this.#tail.then((session) => session?.end());
      return;
    }
    this.#finish(closedReason(code, reason));
  }

  /** Simulates a broken connection: the client may reconnect for missed events. */
  lose(): void {
    this.#ended = true;
    void this.#tail.then((session) => session?.lose());
  }

  init(actorId: string, connId: string, resume: ResumeInfo): void {
    this.#deliver({ type: "init", version: protocolVersion, actorId, connId, resume });
  }

  result(id: number, value: Uint8Array): void {
    this.#deliver({ type: "result", id, value: decodeValue(value, { maxDepth: trustedDepth }) });
  }

  error(id: number | undefined, error: WireError): void {
    this.#deliver({ type: "error", id, error });
  }

  event(event: OutgoingEvent): void {
    const args = decodeValue(event.args, { maxDepth: trustedDepth });
    this.#deliver({ type: "event", name: event.name, args: Array.isArray(args) ? args : [] });
  }

  stream(id: number): void {
    this.#deliver({ type: "stream", id });
  }

  chunk(id: number, value: Uint8Array): void {
    this.#deliver({ type: "chunk", id, value: decodeValue(value, { maxDepth: trustedDepth }) });
  }

  pong(): void {
    this.#deliver({ type: "pong" });
  }

  #deliver(frame: ServerFrame): void {
    if (this.#outgoing.push(frame) === 1) this.#ports.tasks.macrotask(() => this.#flush());
  }

  #finish(reason: ClosedReason): void {
    this.#closed ??= reason;
    this.#ports.tasks.macrotask(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    for (const frame of frames) if (!this.#ended) this.#listener.frame(frame);
    if (this.#closed === undefined || this.#ended) return;
    this.#ended = true;
    this.#listener.closed(this.#closed);
  }
}

function copiesOf(frame: PreparedFrame): readonly ClientFrame[] {
  return decodeClientMessage("cbor", joinFrames([frame]));
}

function wireOf(error: unknown): WireError {
  if (isHoldfastError(error)) return toWireError(error);
  return { group: "client", code: "network_error", message: "The connection could not be opened" };
}

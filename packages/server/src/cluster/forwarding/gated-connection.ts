import {
  type ClientFrame,
  type DriverConnection,
  type DriverListener,
  decodeClientMessage,
  joinFrames,
  type PreparedFrame,
} from "@holdfast/client";
import { isErrorCode, toWireError } from "@holdfast/core";

/**
 * A connection of an actor to an actor of another node. Frames leave in order, each after the gate of the actor that
 * sends them. One that may not leave has the same outcome as in one process: see `LocalConnection`.
 */
export class GatedConnection implements DriverConnection {
  readonly #inner: DriverConnection;
  readonly #listener: DriverListener;
  readonly #gate: () => Promise<void>;
  /** Settles when all frames before have left or were kept back. */
  #tail: Promise<void> = Promise.resolve();
  /** True when neither side gets anything any more. */
  #hasEnded = false;

  constructor(
    listener: DriverListener,
    gate: () => Promise<void>,
    open: (listener: DriverListener) => DriverConnection,
  ) {
    this.#listener = listener;
    this.#gate = gate;
    this.#inner = open({
      ...listener,
      frame: (frame) => {
        if (!this.#hasEnded) listener.frame(frame);
      },
      closed: (reason) => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        listener.closed(reason);
      },
    });
  }

  send(frame: PreparedFrame): void {
    if (this.#hasEnded) return;
    // The gate is taken now: a frame waits for writes before it, not for later ones.
    const gate = this.#gate();
    const before = this.#tail;
    this.#tail = Promise.all([before, gate]).then(
      () => {
        if (!this.#hasEnded) this.#inner.send(frame);
      },
      (error: unknown) => before.then(() => this.#keptBack(frame, error)),
    );
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#hasEnded = true;
    await this.#inner.close();
  }

  lose(): void {
    this.#hasEnded = true;
    this.#inner.lose();
  }

  #keptBack(frame: PreparedFrame, error: unknown): void {
    if (this.#hasEnded) return;
    if (!isErrorCode(error, "actor", "output_in_transaction")) {
      // The caller's turn was not committed, so neither its frames nor later ones may leave.
      this.#hasEnded = true;
      void this.#inner.close();
      return;
    }
    const refused = frameOf(frame);
    if (refused?.type === "call" || refused?.type === "send") {
      this.#listener.frame({ type: "error", id: refused.id, error: toWireError(error) });
      return;
    }
    // Frames without a response, such as subscriptions, are repeated over the next connection.
    this.lose();
    this.#listener.closed({ error: toWireError(error), final: false });
  }
}

function frameOf(frame: PreparedFrame): ClientFrame | undefined {
  return decodeClientMessage("cbor", joinFrames([frame]))[0];
}

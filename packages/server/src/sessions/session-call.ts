import { Cancellation, type ResultStream } from "@holdfast/actors";
import { streamWindow } from "@holdfast/client";
import { outgoingTooLong } from "./session-errors.ts";

/** The part of a connection that its calls use. */
export interface CallOwner {
  readonly maxOutgoingBytes: number;
  beginStream(id: number): void;
  /** `value` is CBOR. */
  sendChunk(id: number, value: Uint8Array): void;
}

/** A running call over a connection. A streamed result has at most `streamWindow` unread chunks. */
export class SessionCall implements ResultStream {
  readonly abort = new Cancellation();
  readonly #owner: CallOwner;
  readonly #id: number;
  #credit = streamWindow;
  #wake: (() => void) | undefined;
  #isStream = false;

  constructor(owner: CallOwner, id: number) {
    this.#owner = owner;
    this.#id = id;
  }

  get isStream(): boolean {
    return this.#isStream;
  }

  begin(): void {
    this.#isStream = true;
    this.#owner.beginStream(this.#id);
  }

  chunk(value: Uint8Array): Promise<void> | void {
    const { maxOutgoingBytes } = this.#owner;
    if (value.length > maxOutgoingBytes) throw outgoingTooLong(maxOutgoingBytes);
    this.#owner.sendChunk(this.#id, value);
    this.#credit--;
    if (this.#credit > 0) return;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The reader has accepted this many more chunks; never more than were sent. */
  more(pieces: number): void {
    this.#credit = Math.min(streamWindow, this.#credit + pieces);
    if (this.#credit > 0) this.#wake?.();
  }
}

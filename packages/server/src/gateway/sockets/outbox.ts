import { joinFrames, type PreparedFrame } from "@holdfast/client";
import { frameMessage } from "./message-frame.ts";

/** Something with messages that wait for the end of the turn. */
export interface Sender {
  flush(): void;
}

/** Several frames as one message. */
export interface JoinedFrames {
  readonly message: Uint8Array | string;
  /** The same as it goes onto the wire; undefined for a long one. */
  readonly wire: Buffer | undefined;
}

/** Lets all sockets send once a turn of the event loop, in the order in which they had something to say. */
export class Outbox {
  #senders: Sender[] = [];
  #frames: readonly PreparedFrame[] = [];
  #joined: JoinedFrames | undefined;

  add(sender: Sender): void {
    // A tick runs when all that is ready now has run: the answers of one commit leave together.
    if (this.#senders.push(sender) === 1) process.nextTick(() => this.#flush());
  }

  #flush(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.flush();
    this.#frames = [];
    this.#joined = undefined;
  }

  /** The frames as one message, made once for all sockets in a row that get the same ones. */
  join(frames: readonly PreparedFrame[]): JoinedFrames {
    if (this.#joined !== undefined && isSame(frames, this.#frames)) return this.#joined;
    const message = joinFrames(frames);
    const joined = { message, wire: frameMessage(message) };
    this.#joined = joined;
    this.#frames = frames;
    return joined;
  }
}

function isSame(some: readonly PreparedFrame[], others: readonly PreparedFrame[]): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}

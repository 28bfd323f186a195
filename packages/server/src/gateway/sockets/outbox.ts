import { joinFrames, type PreparedFrame } from "@holdfast/client";
import { frameMessage } from "./message-frame.ts";

/** A sender with messages that wait for the end of the turn. */
export interface Sender {
  flush(): void;
}

/** Several frames joined into one message. */
export interface JoinedFrames {
  readonly message: Uint8Array | string;
  /** The message framed for the wire; undefined for a long one. */
  readonly wire: Buffer | undefined;
}

/** Lets every socket send once per turn of the event loop, in order of arrival. */
export class Outbox {
  #senders: Sender[] = [];
  #frames: readonly PreparedFrame[] = [];
  #joined: JoinedFrames | undefined;

  add(sender: Sender): void {
    // A tick runs after everything that is ready now: the results of one commit leave together.
    if (this.#senders.push(sender) === 1) process.nextTick(() => this.#flush());
  }

  #flush(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.flush();
    this.#frames = [];
    this.#joined = undefined;
  }

  /** Joins the frames into one message, once for all consecutive sockets that get the same ones. */
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

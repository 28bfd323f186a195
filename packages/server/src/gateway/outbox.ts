import { joinFrames, type PreparedFrame } from "@holdfast/client";

/** Something with messages that wait for the end of the turn. */
export interface Sender {
  flush(): void;
}

/** Lets all sockets send once a turn of the event loop, in the order in which they had something to say. */
export class Outbox {
  #senders: Sender[] = [];
  #frames: readonly PreparedFrame[] = [];
  #joined: Uint8Array | string = "";

  add(sender: Sender): void {
    // A tick runs when all that is ready now has run: the answers of one commit leave together.
    if (this.#senders.push(sender) === 1) process.nextTick(() => this.#flush());
  }

  #flush(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.flush();
    this.#frames = [];
    this.#joined = "";
  }

  /** The frames as one message, made once for all sockets in a row that get the same ones. */
  join(frames: readonly PreparedFrame[]): Uint8Array | string {
    if (!isSame(frames, this.#frames)) {
      this.#joined = joinFrames(frames);
      this.#frames = frames;
    }
    return this.#joined;
  }
}

function isSame(some: readonly PreparedFrame[], others: readonly PreparedFrame[]): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}

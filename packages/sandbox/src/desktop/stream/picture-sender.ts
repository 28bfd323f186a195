import type { WebSocket } from "ws";

/** Pictures on their way to a viewer: one that it shows, and one that follows. */
const maxUnacknowledged = 2;

/** Sends pictures as fast as one viewer takes them. One that is slow gets fewer, and always the latest. */
export class PictureSender {
  readonly #socket: WebSocket;
  #unacknowledged = 0;
  #latest: Buffer | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  push(jpeg: Buffer): void {
    this.#latest = jpeg;
    this.#flush();
  }

  /** The viewer has shown a picture. */
  acknowledge(): void {
    this.#unacknowledged = Math.max(0, this.#unacknowledged - 1);
    this.#flush();
  }

  #flush(): void {
    if (this.#latest === undefined || this.#unacknowledged >= maxUnacknowledged) return;
    this.#unacknowledged += 1;
    this.#socket.send(this.#latest, { binary: true }, () => {});
    this.#latest = undefined;
  }
}

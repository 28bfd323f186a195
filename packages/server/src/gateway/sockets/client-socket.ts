import { WebSocket } from "ws";

/**
 * A WebSocket of a client that tells when the client's close frame arrives, and not only when the connection has ended.
 * The client hears of its close by the answer to that frame: what it asks next finds the socket closed here.
 */
export class ClientSocket extends WebSocket {
  /** Gets the code and the reason of the client's close frame before it is answered. */
  onClientClose: ((code: number, reason: string) => void) | undefined;
  #isClosedHere = false;

  /** Closes it from this side. */
  closeHere(code: number | undefined, reason: string): void {
    this.#isClosedHere = true;
    super.close(code, reason);
  }

  /** Called by the library to answer a close frame; 1005 stands for one without a code. */
  override close(code?: number, reason?: string | Buffer): void {
    if (!this.#isClosedHere) this.onClientClose?.(code ?? 1005, reason?.toString() ?? "");
    super.close(code, reason);
  }
}

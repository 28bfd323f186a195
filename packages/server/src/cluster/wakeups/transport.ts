import type { NodeAddress } from "../placement.ts";

/** Handles a message of another node; resolves when this node has acted on it. Never rejects. */
export type ReceiveWakeup = (message: string) => Promise<void>;

/**
 * Carries wake-ups to other nodes. It may lose, repeat and reorder every one of them: they only say where to look
 * again, and each node looks by itself from time to time.
 */
export interface WakeupTransport {
  readonly name: "nats" | "links" | "notify";
  /** True while messages of other nodes are likely to arrive here. */
  readonly isUp: boolean;
  /** Sends a message; false if the node has not got it, as far as known. Never rejects. */
  send(node: NodeAddress, message: string): Promise<boolean>;
  close(): Promise<void>;
}

import { HoldfastError } from "@holdfast/core";

/** A request did not reach another node, or its answer did not reach this one. */
export class LinkLost extends Error {
  /** False if the other node cannot have received the request. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super("The link to another node was lost", { cause });
    this.name = "LinkLost";
    this.sent = sent;
  }
}

/** The answer of a node that does not serve the actor. Nothing ran there. */
export class Misdirected {
  /** That node's revision of the leases. */
  readonly revision: number;

  constructor(revision: number) {
    this.revision = revision;
  }
}

/** The error of a request whose answer was lost with its node, and which is not repeated. */
export function nodeLost(node: string, cause: unknown): HoldfastError {
  const message = `The node "${node}" was lost before it answered; the request may have run. Send requests with an idempotency key to have them repeated`;
  return new HoldfastError("cluster", "node_lost", message, { statusCode: 502, cause, metadata: { node } });
}

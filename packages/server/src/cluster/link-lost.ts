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

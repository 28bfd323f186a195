/** How a node connects to NATS, which carries wake-ups between nodes. */
export interface NatsOptions {
  /**
   * URLs of servers of one NATS system: "nats://user:password@10.0.0.9:4222", "nats://token@host", or "tls://..." for
   * an encrypted connection.
   */
  readonly url: string | readonly string[];
  /** True refuses to start without NATS. By default the node starts, and connects as soon as it can. */
  readonly required?: boolean;
  /** Path of a credentials file, for servers with decentralised accounts. */
  readonly credentials?: string;
  /** Paths of PEM files: the authority of the servers' certificates, and the certificate and key of this client. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** The options of a URL, or of several with commas. */
export function natsOptions(given: string | NatsOptions): NatsOptions {
  return typeof given === "string" ? { url: given } : given;
}

import { randomBytes } from "node:crypto";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import { HoldfastError, type Tasks } from "@holdfast/core";
import { LinkLost } from "../link-lost.ts";
import { type ClusterSecrets, type Hello, linkProtocol, secretMismatch, type Welcome } from "./handshake.ts";
import { type LinkKind, linkHeader } from "./headers.ts";
import { readJson, sessionSettings } from "./session-settings.ts";

export interface LinkOptions {
  readonly self: string;
  readonly secrets: ClusterSecrets;
  readonly tasks: Tasks;
  readonly connectTimeoutMs: number;
}

/** The connection from this node to another: HTTP/2, opened on first use and after each loss. */
export class Link {
  readonly #node: string;
  readonly #address: string;
  readonly #options: LinkOptions;
  #session: Promise<ClientHttp2Session> | undefined;
  #isClosed = false;

  constructor(node: string, address: string, options: LinkOptions) {
    this.#node = node;
    this.#address = address;
    this.#options = options;
  }

  /**
   * Opens a stream. Throws `LinkLost`, and `cluster.secret_mismatch`, `cluster.wrong_node`,
   * `cluster.incompatible_protocol` if the other side is not the expected node.
   */
  async open(kind: LinkKind, headers: OutgoingHttpHeaders, endStream: boolean): Promise<ClientHttp2Stream> {
    const session = await this.#connected();
    try {
      return session.request({ ...headers, [linkHeader.kind]: kind }, { endStream });
    } catch (cause) {
      throw new LinkLost(false, cause);
    }
  }

  /** Closes the connection; requests without an answer fail. */
  close(): void {
    this.#isClosed = true;
    this.#session?.then(
      (session) => session.destroy(),
      () => undefined,
    );
  }

  #connected(): Promise<ClientHttp2Session> {
    if (this.#isClosed) return Promise.reject(new LinkLost(false, new Error("The link was closed")));
    if (this.#session === undefined) {
      const opening = this.#connect();
      this.#session = opening;
      const forget = (): void => {
        if (this.#session === opening) this.#session = undefined;
      };
      opening.then((session) => session.once("close", forget), forget);
    }
    return this.#session;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { tasks, connectTimeoutMs } = this.#options;
    const session = connect(this.#address, sessionSettings);
    // Errors end the session; its requests report them.
    session.on("error", () => undefined);
    const timer = tasks.after(connectTimeoutMs, () => session.destroy(new Error("The node did not answer")));
    try {
      await this.#greet(session);
      session.unref();
      return session;
    } catch (error) {
      session.destroy();
      throw error instanceof HoldfastError ? error : new LinkLost(false, error);
    } finally {
      timer.cancel();
    }
  }

  /** Both nodes prove that they know the cluster's secret. */
  async #greet(session: ClientHttp2Session): Promise<void> {
    const { self, secrets } = this.#options;
    const nonce = randomBytes(18).toString("base64url");
    const hello: Hello = { protocol: linkProtocol, node: self, nonce, keys: secrets.keys };
    const welcome = (await ask(session, "hello", hello)) as Partial<Welcome> & { readonly error?: string };
    if (welcome.error === "secret_mismatch") throw secretMismatch(this.#node);
    if (welcome.protocol !== linkProtocol) throw incompatible(this.#node, welcome.protocol);
    const { node = "", nonce: answer = "", key = "", proof } = welcome;
    const answered = { protocol: linkProtocol, node, nonce: answer, key };
    if (secrets.common([key]) === undefined || !secrets.check("accepter", hello, answered, proof)) {
      throw secretMismatch(this.#node);
    }
    if (node !== this.#node) throw wrongNode(this.#node, node);
    await ask(session, "proof", { proof: secrets.prove("caller", hello, answered) });
  }
}

async function ask(session: ClientHttp2Session, kind: LinkKind, body: unknown): Promise<unknown> {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/",
    [linkHeader.kind]: kind,
  });
  stream.end(JSON.stringify(body));
  return readJson(stream);
}

function wrongNode(expected: string, found: string): HoldfastError {
  const message = `The address of the node "${expected}" leads to the node "${found}". Check the advertised addresses`;
  return new HoldfastError("cluster", "wrong_node", message, { metadata: { expected, found } });
}

function incompatible(node: string, protocol: unknown): HoldfastError {
  const message = `The node "${node}" speaks version ${String(protocol)} of the protocol between nodes, this one version ${linkProtocol}`;
  return new HoldfastError("cluster", "incompatible_protocol", message, { metadata: { node } });
}

import { randomBytes } from "node:crypto";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { HoldfastError, type Tasks, type Timer } from "@holdfast/core";
import type { LinkState } from "../../observe/cluster-metrics.ts";
import { LinkLost } from "../link-lost.ts";
import { pipedSocket } from "./as-socket.ts";
import { CallChannel } from "./call-channel.ts";
import { type Certificates, certificateRefused } from "./certificates.ts";
import { type ClusterSecrets, type Hello, linkProtocol, secretMismatch, type Welcome } from "./handshake.ts";
import { type LinkKind, linkHeader } from "./headers.ts";
import { readJson, sessionSettings } from "./session-settings.ts";

export interface LinkOptions {
  readonly self: string;
  readonly secrets: ClusterSecrets;
  readonly tasks: Tasks;
  /** Undefined for links without TLS. */
  readonly certificates: Certificates | undefined;
  readonly connectTimeoutMs: number;
  /** Time between two questions whether the other node still answers, and its time to answer. */
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  /** A stream to a node that does not listen. Throws `LinkLost`. */
  carrier(node: string, signal: AbortSignal): Promise<Duplex>;
}

/** A session whose peer has proved that it is the expected node. */
interface Connection {
  readonly session: ClientHttp2Session;
  readonly channel: CallChannel;
}

/** The connection from this node to another: HTTP/2, opened on first use and after each loss. */
export class Link {
  readonly #node: string;
  /** Empty for a node that does not listen. */
  readonly #address: string;
  readonly #options: LinkOptions;
  #connection: Promise<Connection> | undefined;
  /** Undefined while the link is not connected. */
  #channel: CallChannel | undefined;
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
    const { session } = await this.#connected();
    try {
      return session.request({ ...headers, [linkHeader.kind]: kind }, { endStream });
    } catch (cause) {
      throw new LinkLost(false, cause);
    }
  }

  /** The channel for small calls; undefined while it is congested. Throws as {@link open} does. */
  async channel(): Promise<CallChannel | undefined> {
    const { channel } = await this.#connected();
    return channel.isUsable ? channel : undefined;
  }

  /** The same, if the link is open already: without it, each call would wait for a promise. */
  get openChannel(): CallChannel | undefined {
    return this.#channel?.isUsable === true ? this.#channel : undefined;
  }

  get state(): LinkState {
    if (this.#connection === undefined) return "disconnected";
    return this.#channel === undefined ? "connecting" : "connected";
  }

  /** Asks a question that is not about an actor. Throws as {@link open} does, and what is wrong with the answer. */
  async ask(kind: LinkKind, question: unknown): Promise<unknown> {
    const { session } = await this.#connected();
    return ask(session, kind, question);
  }

  /** Closes the connection; requests without an answer fail. */
  close(): void {
    this.#isClosed = true;
    this.#connection?.then(
      ({ session }) => session.destroy(),
      () => undefined,
    );
  }

  #connected(): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(new LinkLost(false, new Error("The link was closed")));
    if (this.#connection === undefined) {
      const opening = this.#connect();
      this.#connection = opening;
      const forget = (): void => {
        if (this.#connection !== opening) return;
        this.#connection = undefined;
        this.#channel = undefined;
      };
      opening.then(({ session, channel }) => {
        this.#channel = channel;
        session.once("close", forget);
      }, forget);
    }
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const { tasks, connectTimeoutMs } = this.#options;
    const session = await this.#openSession();
    let failure: unknown;
    // Requests only report that the session has ended.
    session.on("error", (error) => {
      failure ??= error;
    });
    const timer = tasks.after(connectTimeoutMs, () => session.destroy(new Error("The node did not answer")));
    try {
      await this.#greet(session);
      session.unref();
      this.#watch(session);
      const stream = session.request({ ":method": "POST", ":path": "/", [linkHeader.kind]: "calls" });
      return { session, channel: new CallChannel(stream) };
    } catch (error) {
      session.destroy();
      throw error instanceof HoldfastError
        ? error
        : new LinkLost(false, certificateRefused(this.#node, failure) ?? failure ?? error);
    } finally {
      timer.cancel();
    }
  }

  async #openSession(): Promise<ClientHttp2Session> {
    const { tasks, connectTimeoutMs, certificates, carrier } = this.#options;
    if (this.#address !== "") {
      certificates?.refresh();
      return connect(this.#address, { ...sessionSettings, ...certificates?.tls });
    }
    const late = new AbortController();
    const timer = tasks.after(connectTimeoutMs, () => late.abort());
    try {
      const stream = await carrier(this.#node, late.signal);
      // The stream is part of a link that is encrypted, if links are.
      const socket = pipedSocket(stream);
      // Reported by the session; what comes after its end matters to nobody.
      socket.on("error", () => undefined);
      const session = connect("http://node", { ...sessionSettings, createConnection: () => socket });
      session.once("close", () => stream.destroy());
      return session;
    } finally {
      timer.cancel();
    }
  }

  /** Ends a session whose other side has fallen silent: a broken network reports nothing for many minutes. */
  #watch(session: ClientHttp2Session): void {
    const { tasks, pingMs, pingTimeoutMs } = this.#options;
    let timer: Timer | undefined;
    session.once("close", () => timer?.cancel());
    const askLater = (): void => {
      timer = tasks.after(pingMs, () => {
        // It closes when its stream has: until then, a ping would throw.
        if (session.destroyed) return;
        timer = tasks.after(pingTimeoutMs, () => session.destroy(new Error("The node has fallen silent")));
        session.ping(() => {
          timer?.cancel();
          if (!session.destroyed) askLater();
        });
      });
    };
    askLater();
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

/** A message of the handshake and its answer. Throws if there is none: the node is starting, or it has gone. */
async function ask(session: ClientHttp2Session, kind: LinkKind, body: unknown): Promise<unknown> {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/",
    [linkHeader.kind]: kind,
  });
  let status = 0;
  stream.once("response", (headers) => {
    status = Number(headers[constants.HTTP2_HEADER_STATUS]);
  });
  stream.end(JSON.stringify(body));
  const answer = await readJson(stream);
  if (status !== 200 && status !== 204) throw new Error(`The node did not answer "${kind}"`);
  return answer;
}

function wrongNode(expected: string, found: string): HoldfastError {
  const message = `The address of the node "${expected}" leads to the node "${found}". Check the advertised addresses`;
  return new HoldfastError("cluster", "wrong_node", message, { metadata: { expected, found } });
}

function incompatible(node: string, protocol: unknown): HoldfastError {
  const message = `The node "${node}" speaks version ${String(protocol)} of the protocol between nodes, this one version ${linkProtocol}`;
  return new HoldfastError("cluster", "incompatible_protocol", message, { metadata: { node } });
}

import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { type Clock, HoldfastError, isHoldfastError, toProblem } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type { CredentialVault } from "../vault/credential-vault.ts";
import type { Egress, EgressAllowRule, EgressDecision, EgressOptions, EgressUsage } from "./egress.ts";
import { type EgressLimits, egressLimits } from "./egress-limits.ts";
import { type ForwardOutcome, forward } from "./forward.ts";
import { framingFault } from "./http-headers.ts";
import { type CheckedUpstream, checkPath, checkUpstreams, matchRule } from "./upstreams.ts";

export interface EgressProxyOptions extends EgressOptions {
  /** Directory in which the socket gets a directory of its own (0700). */
  readonly directory: string;
  readonly vault: CredentialVault;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Tests bring the limits within reach. */
  readonly limits?: Partial<EgressLimits>;
}

interface Admitted {
  readonly upstream: CheckedUpstream;
  readonly rule: EgressAllowRule;
  /** Below the base of the upstream, without the query. */
  readonly path: string;
  readonly query: string;
}

function refusal(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("egress", code, message, { statusCode: status });
}

/**
 * The only way out of one jail: an HTTP/1.1 server on a Unix socket that the host makes and listens on.
 * Who asks is the socket; what may be asked is the list of upstreams; the key is added on the way out.
 */
export class EgressProxy implements Egress {
  readonly jailId: string;
  readonly socketPath: string;
  readonly placeholderKey = `sk-holdfast-placeholder-${randomBytes(12).toString("hex")}`;
  readonly #options: EgressProxyOptions;
  readonly #limits: EgressLimits;
  readonly #upstreams: ReadonlyMap<string, CheckedUpstream>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The latest answer on each connection. */
  readonly #answers = new WeakMap<object, ServerResponse>();
  readonly #ending = new AbortController();
  #closing: Promise<void> | undefined;

  private constructor(options: EgressProxyOptions, socketPath: string) {
    this.#options = options;
    this.#limits = { ...egressLimits, ...options.limits };
    this.jailId = options.jailId;
    this.socketPath = socketPath;
    this.#upstreams = checkUpstreams(options.upstreams);
    this.#server = createServer({
      maxHeaderSize: this.#limits.maxHeaderBytes,
      headersTimeout: this.#limits.headersTimeoutMs,
      requestTimeout: this.#limits.requestTimeoutMs,
      keepAliveTimeout: this.#limits.keepAliveMs,
      connectionsCheckingInterval: this.#limits.checkIntervalMs,
      insecureHTTPParser: false,
      requireHostHeader: true,
    });
    this.#server.maxConnections = this.#limits.maxConnections;
    this.#server.maxHeadersCount = this.#limits.maxHeaders;
    this.#listenToServer();
  }

  /** Throws `egress.invalid_upstream` before anything is made. */
  static async open(options: EgressProxyOptions): Promise<EgressProxy> {
    checkUpstreams(options.upstreams);
    // Short, since the address of a Unix socket holds 107 bytes.
    const directory = await mkdtemp(join(options.directory, "e-"));
    await chmod(directory, 0o700);
    const proxy = new EgressProxy(options, join(directory, "egress.sock"));
    try {
      await proxy.#listen();
      return proxy;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.socketPath, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  #listenToServer(): void {
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("request", (request, response) => void this.#handle(request, response));
    // A body may be announced with "expect"; the decision comes before the invitation to send it.
    this.#server.on("checkContinue", (request, response) => void this.#handle(request, response));
    this.#server.on("connect", (request, socket) => {
      this.#report({ decision: "deny", rule: "egress.connect_refused", method: "CONNECT" });
      answerRaw(
        socket as Socket,
        refusal("connect_refused", 405, "CONNECT is refused: ask by the path of an upstream"),
        request,
      );
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (this.#answers.get(socket)?.headersSent) {
        // What is broken is the body of a request that has its answer.
        (socket as Socket).destroySoon();
        return;
      }
      const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
      const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
      const status = tooLarge ? 431 : late ? 408 : 400;
      const code = tooLarge ? "headers_too_large" : late ? "request_timed_out" : "malformed_request";
      if (error.code !== "ECONNRESET") this.#report({ decision: "deny", rule: `egress.${code}` });
      answerRaw(socket as Socket, refusal(code, status, "The request is not well-formed HTTP/1.1"));
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#answers.set(request.socket, response);
    response.once("finish", () => {
      if (response.getHeader("connection") !== "close") this.#answers.delete(request.socket);
    });
    try {
      const admitted = this.#decide(request);
      await this.#forward(request, response, admitted);
    } catch (error) {
      this.#answerError(request, response, error);
    }
  }

  /** Decides about a request by its head alone. Throws the refusal. */
  #decide(request: IncomingMessage): Admitted {
    const method = request.method ?? "";
    const fault = framingFault(request);
    if (fault !== undefined)
      throw this.#deny("ambiguous_request", 400, `The request has ${fault}`, { method });
    const target = request.url ?? "";
    const question = target.indexOf("?");
    const whole = question < 0 ? target : target.slice(0, question);
    const query = question < 0 ? "" : target.slice(question);
    const pathFault = checkPath(whole);
    if (pathFault !== undefined)
      throw this.#deny("malformed_path", 400, `The path has ${pathFault}`, { method });
    if (!/^[\x21-\x7e]*$/.test(query))
      throw this.#deny("malformed_path", 400, "The query is malformed", { method });
    const slash = whole.indexOf("/", 1);
    const name = slash < 0 ? whole.slice(1) : whole.slice(1, slash);
    const path = slash < 0 ? "/" : whole.slice(slash);
    const upstream = this.#upstreams.get(name);
    if (!upstream) {
      const known = [...this.#upstreams.keys()].join(", ") || "none";
      throw this.#deny("unknown_upstream", 403, `No upstream of that name; there are: ${known}`, {
        method,
        path: whole,
      });
    }
    const rule = matchRule(upstream.allow, method, path);
    if (!rule) {
      throw this.#deny("not_allowed", 403, `${method} ${path} is not allowed at ${name}`, {
        upstream: name,
        method,
        path,
      });
    }
    const length = Number(request.headers["content-length"] ?? 0);
    if (length > this.#limits.maxRequestBytes) {
      throw this.#deny(
        "request_too_large",
        413,
        `A request holds at most ${this.#limits.maxRequestBytes} bytes`,
        { upstream: name, method, path },
      );
    }
    return { upstream, rule, path, query };
  }

  #deny(code: string, status: number, message: string, about: Partial<EgressDecision>): HoldfastError {
    this.#report({ ...about, decision: "deny", rule: `egress.${code}` });
    return refusal(code, status, message);
  }

  async #forward(request: IncomingMessage, response: ServerResponse, admitted: Admitted): Promise<void> {
    const { upstream, rule, path, query } = admitted;
    const method = request.method ?? "";
    const { audit, vault, jailId, session } = this.#options;
    const about = { upstream: upstream.name, method, path };
    // On disk before the effect: a request that cannot be recorded is not made.
    const begun = await audit.append({
      type: "egress.request",
      jailId,
      session,
      data: { ...about, host: upstream.base.host },
    });
    this.#report(
      { ...about, decision: "allow", rule: `${rule.methods.join("|")} ${rule.pathPrefix}` },
      false,
    );
    const end = (data: Record<string, unknown>) =>
      audit.note({ type: "egress.response", jailId, session, data: { request: begun.seq, ...data } });
    try {
      const credential = await vault.present(upstream.credential);
      const outcome = await forward({
        request,
        response,
        upstream,
        path,
        query,
        credential,
        secrets: vault.secrets,
        signal: this.#ending.signal,
        limits: this.#limits,
      });
      this.#meter(upstream.name, outcome);
      await end({
        status: outcome.status,
        bytesOut: outcome.bytesOut,
        bytesIn: outcome.bytesIn,
        ...(outcome.tokens ? { tokens: outcome.tokens } : {}),
      });
    } catch (error) {
      await end({
        error: isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error",
      });
      throw error;
    }
  }

  #meter(upstream: string, { tokens }: ForwardOutcome): void {
    if (!tokens) return;
    const { jailId, session, clock, onUsage } = this.#options;
    const usage: EgressUsage = { at: clock.now(), jailId, session, upstream, ...tokens };
    onUsage?.(usage);
  }

  /** Tells a decision to whoever listens; a refusal also goes on record. */
  #report(about: Omit<EgressDecision, "at" | "jailId" | "session">, record = true): void {
    const { jailId, session, clock, onDecision, audit } = this.#options;
    onDecision?.({ at: clock.now(), jailId, session, ...about });
    if (!record) return;
    // A refusal has no effect that would have to wait for its record.
    const data = { ...about, path: about.path?.slice(0, 1_000) };
    void audit.note({ type: "egress.denied", jailId, session, data });
  }

  #answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      // The answer has begun, so only its being cut off can say that it failed.
      response.destroy();
      return;
    }
    const typed = isHoldfastError(error)
      ? error
      : refusal("internal_error", 500, "The request could not be forwarded");
    const body = errorBody(typed);
    // After a request whose end is in doubt, the next bytes may be anything.
    const last = typed.statusCode === 400 || typed.statusCode === 413 ? { connection: "close" } : {};
    response.writeHead(typed.statusCode, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...last,
    });
    response.end(body);
    // The rest of a refused body is thrown away, up to a bound, so that the answer can be read.
    let discarded = 0;
    request.on("data", (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > this.#limits.maxDiscardBytes) request.destroy();
    });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#ending.abort();
      const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
      for (const socket of this.#sockets) socket.destroy();
      await closed;
      await rm(join(this.socketPath, ".."), { recursive: true, force: true });
    })();
    return this.#closing;
  }
}

/** Problem details, with the `error` object in which model clients look for the message. */
function errorBody(error: HoldfastError): string {
  const type = `${error.group}.${error.code}`;
  return JSON.stringify({ ...toProblem(error), error: { type, code: type, message: error.message } });
}

function answerRaw(socket: Socket, error: HoldfastError, _request?: IncomingMessage): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = errorBody(error);
  socket.end(
    `HTTP/1.1 ${error.statusCode} Refused\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/**
 * Proxy: the HTTP server of one jail and the connections to its upstreams. Requests pass from here to the decisions, the
 * vault, the meter and then the upstream.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Clock, type HoldfastError, isHoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";
import type { CredentialVault } from "../../vault/credential-vault.ts";
import { AllowedHosts, allowedHostSegment } from "../decisions/allowed-hosts.ts";
import { type AllowedDestinations, decideByAddress } from "../decisions/decide-by-address.ts";
import {
  type Admitted,
  decide,
  type RequestHead,
  ruleOf,
  type Verdict,
} from "../decisions/decide-by-path.ts";
import { explain } from "../decisions/explain.ts";
import type { PublicResolver } from "../decisions/public-address.ts";
import { type CheckedUpstream, checkUpstreams } from "../decisions/upstreams.ts";
import type {
  Egress,
  EgressAuthority,
  EgressDecision,
  EgressExplanation,
  EgressOptions,
  EgressProvider,
  EgressUsage,
} from "../egress.ts";
import { type EgressLimits, egressLimits } from "../egress-limits.ts";
import type { Budgets } from "../metering/budgets.ts";
import { type Charge, type MeteredCall, Metering, type SpendingRate } from "../metering/metering.ts";
import type { RequestBody } from "../metering/model-fields.ts";
import { isGeneration } from "../metering/model-request.ts";
import type { Prices } from "../metering/prices.ts";
import { GitTokens } from "../services/git-tokens.ts";
import { writeAuthority } from "../tunnels/authority-files.ts";
import type { CertificateAuthority } from "../tunnels/certificate-authority.ts";
import { interceptedNames, namesTarget, originOf } from "../tunnels/tunnel-decision.ts";
import { Tunnels } from "../tunnels/tunnels.ts";
import { AnnouncedCalls, type EndCall } from "./announced-calls.ts";
import { inspectBody } from "./body-inspection.ts";
import { ForwardProgress, forward } from "./forward.ts";
import { framingFault } from "./http-headers.ts";
import { answerError, refusal, writeRawRefusal } from "./refusals.ts";
import { BodyReader } from "./request-body.ts";
import { UpstreamConnections } from "./upstream-connections.ts";

export interface EgressProxyOptions extends EgressOptions {
  /** Directory in which the socket gets a directory of its own (0700). */
  readonly directory: string;
  readonly vault: CredentialVault;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly ledger: Budgets;
  readonly spending: SpendingRate;
  readonly prices: Prices;
  /** Called before untrusted content can arrive. */
  readonly onOutside: (reason: string) => Promise<void>;
  readonly names: PublicResolver;
  /** Smaller limits, for tests. */
  readonly limits?: Partial<EgressLimits>;
}

/** A model call that is forwarded: what meters it, and what is told of its end. */
interface MeteredRequest {
  readonly call: MeteredCall;
  readonly end: EndCall;
}

/** Dependencies that are prepared before the proxy is constructed. */
interface PreparedProxy {
  readonly socketPath: string;
  readonly destinations: AllowedDestinations;
  readonly limits: EgressLimits;
  /** Where tunnels are intercepted: the authority, and the part of it that the jail sees. */
  readonly authority?: { readonly ca: CertificateAuthority; readonly shown: EgressAuthority };
}

/**
 * The reverse proxy of one jail, its only way out: an HTTP/1.1 server on a Unix socket that the host creates and listens
 * on. The socket identifies the jail, the upstreams and hosts say what is allowed, and the proxy adds credentials.
 */
export class EgressProxy implements Egress {
  readonly jailId: string;
  readonly socketPath: string;
  readonly placeholderKey = `sk-holdfast-placeholder-${randomBytes(12).toString("hex")}`;
  readonly authority?: EgressAuthority;
  readonly #options: EgressProxyOptions;
  readonly #limits: EgressLimits;
  readonly #destinations: AllowedDestinations;
  readonly #tunnels: Tunnels;
  readonly #metering: Metering;
  readonly #tokens: GitTokens;
  readonly #bodies: BodyReader;
  readonly #calls: AnnouncedCalls;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The latest response on each connection. */
  readonly #answers = new WeakMap<object, ServerResponse>();
  readonly #connections: UpstreamConnections;
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  private constructor(
    options: EgressProxyOptions,
    { socketPath, destinations, limits, authority }: PreparedProxy,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.jailId = options.jailId;
    this.socketPath = socketPath;
    this.#destinations = destinations;
    if (authority !== undefined) this.authority = authority.shown;
    const { ledger, prices, spending, budgets = [] } = options;
    this.#tokens = new GitTokens(options);
    this.#metering = new Metering({ ledger, prices, spending, principal: options, budgets });
    this.#bodies = new BodyReader(this.#limits);
    this.#calls = new AnnouncedCalls(options, () => options.clock.now());
    this.#connections = new UpstreamConnections(this.#limits);
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
    this.#tunnels = new Tunnels({
      ...options,
      destinations,
      limits,
      signal: this.#abort.signal,
      ...(authority === undefined ? {} : { authority: authority.ca }),
      report: (about, record) => this.#report(about, record),
      // Decrypted connections are served by the same server, with the same limits.
      onInside: (secure) => this.#server.emit("connection", secure),
    });
    this.#listenToServer();
  }

  /** Throws `egress.invalid_upstream` before anything is made. */
  static async open(options: EgressProxyOptions): Promise<EgressProxy> {
    const upstreams = checkUpstreams(options.upstreams);
    const destinations = { upstreams, hosts: new AllowedHosts(options.hosts) };
    const limits = { ...egressLimits, ...options.limits };
    if (upstreams.has(allowedHostSegment) && (options.hosts ?? []).length > 0)
      throw refusal(
        "invalid_upstream",
        400,
        `No upstream may be called ${allowedHostSegment} where hosts are allowed: paths of hosts begin with it`,
      );
    // Short, since the address of a Unix socket has at most 107 bytes.
    const directory = await mkdtemp(join(options.directory, "e-"));
    await chmod(directory, 0o700);
    try {
      const authority = await EgressProxy.#makeAuthority(options, destinations, limits, directory);
      const prepared = { socketPath: join(directory, "egress.sock"), destinations, limits };
      const proxy = new EgressProxy(options, authority === undefined ? prepared : { ...prepared, authority });
      await proxy.#listen();
      return proxy;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Undefined where tunnels are not intercepted, or no rule calls for it. */
  static async #makeAuthority(
    { intercept, clock }: EgressProxyOptions,
    destinations: AllowedDestinations,
    limits: EgressLimits,
    directory: string,
  ): Promise<PreparedProxy["authority"]> {
    const names = intercept === true ? interceptedNames(destinations) : [];
    if (names.length === 0) return undefined;
    // Imported on demand: the certificate libraries are large.
    const { CertificateAuthority } = await import("../tunnels/certificate-authority.ts");
    const ca = await CertificateAuthority.create({ names, clock, limits });
    return { ca, shown: await writeAuthority(directory, ca.certificate) };
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
    // With "expect: 100-continue", the decision comes before the client is invited to send the body.
    this.#server.on("checkContinue", (request, response) => void this.#handle(request, response));
    this.#server.on("connect", (request, socket, first) => {
      void this.#tunnels.open(request, socket as Socket, first);
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (this.#answers.get(socket)?.headersSent) {
        // The response was sent; only the rest of the request's body failed.
        (socket as Socket).destroySoon();
        return;
      }
      const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
      const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
      const status = tooLarge ? 431 : late ? 408 : 400;
      const code = tooLarge ? "headers_too_large" : late ? "request_timed_out" : "malformed_request";
      if (error.code !== "ECONNRESET") this.#report({ decision: "deny", rule: `egress.${code}` });
      writeRawRefusal(socket as Socket, refusal(code, status, "The request is not well-formed HTTP/1.1"));
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const before = this.#answers.get(socket);
    // Ignores pipelined requests behind one whose refusal, by the proxy or by Node itself, ends the connection.
    if (before === undefined ? response.socket === null : before.getHeader("connection") === "close") return;
    if (socket.writableEnded || socket.destroyed) return;
    this.#answers.set(socket, response);
    response.once("finish", () => {
      // A pipelined request may have replaced this response as the latest.
      const latest = this.#answers.get(socket) === response;
      if (latest && response.getHeader("connection") !== "close") this.#answers.delete(socket);
    });
    let provider: EgressProvider = "none";
    try {
      const admitted = this.#decide(request);
      provider = admitted.upstream.provider;
      await this.#admit(request, response, admitted);
    } catch (error) {
      answerError(request, response, error, provider, this.#limits.maxDiscardBytes);
    }
  }

  /** Decides about a request by its head. Throws the refusal. */
  #decide(request: IncomingMessage): Admitted {
    const method = request.method ?? "";
    const fault = framingFault(request);
    if (fault !== undefined)
      throw this.#deny("ambiguous_request", 400, `The request has ${fault}`, { method });
    const head = {
      method,
      target: request.url ?? "",
      contentLength: Number(request.headers["content-length"] ?? 0),
    };
    const verdict = this.#verdictOf(head, request);
    if ("admitted" in verdict) return verdict.admitted;
    const { code, status, message, about } = verdict.refusal;
    throw this.#deny(code, status, message, about);
  }

  /** In an intercepted tunnel, a request may name the target of that tunnel only. */
  #verdictOf(head: RequestHead, { socket, headers }: IncomingMessage): Verdict {
    const { upstreams, hosts } = this.#destinations;
    const target = this.#tunnels.targetOf(socket);
    if (target === undefined) return decide(head, upstreams, hosts, this.#limits);
    if (!namesTarget(headers.host ?? "", target)) {
      const why = "The request names another host than its tunnel";
      throw this.#deny("misdirected_request", 421, why, { method: head.method });
    }
    return decideByAddress(originOf(target), head, this.#destinations, this.#limits);
  }

  /** Forwards an admitted request. */
  async #admit(request: IncomingMessage, response: ServerResponse, admitted: Admitted): Promise<void> {
    const { upstream, path } = admitted;
    const { provider } = upstream;
    if (!isGeneration(provider, request.method ?? "", path)) {
      const about = { upstream: upstream.name, method: request.method ?? "", path };
      const body = await inspectBody(request, response, admitted, (code, status, message) =>
        this.#deny(code, status, message, about),
      );
      await this.#forward(request, response, admitted, undefined, body);
      return;
    }
    const method = request.method ?? "";
    await this.#checkPace(admitted, method);
    const end = await this.#calls.begin(upstream.name, (rule) =>
      this.#report({ decision: "deny", rule, upstream: upstream.name, method, path }),
    );
    try {
      await this.#admitCall(request, response, admitted, end);
    } finally {
      // Of a call that was not sent.
      end(undefined);
    }
  }

  /** Forwards an admitted model call. Where a budget applies, reads and reserves first, and settles in any case. */
  async #admitCall(
    request: IncomingMessage,
    response: ServerResponse,
    admitted: Admitted,
    end: EndCall,
  ): Promise<void> {
    const { upstream, path } = admitted;
    if (!this.#metering.bounded) {
      const call = this.#metering.unbounded(upstream.provider);
      await this.#forward(request, response, admitted, { call, end }, undefined);
      return;
    }
    const { "content-encoding": encoding = "identity" } = request.headers;
    if (encoding !== "identity") {
      const why =
        "Where a budget applies, a request to a model must not be compressed: its token bounds have to be read";
      const about = { upstream: upstream.name, method: request.method ?? "", path };
      throw this.#deny("encoded_request", 415, why, about);
    }
    const { body, done } = await this.#bodies.read(request, response);
    try {
      const read = { bytes: body, type: request.headers["content-type"] };
      const call = await this.#reserve(admitted, request.method ?? "", read);
      try {
        await this.#forward(request, response, admitted, { call, end }, body);
      } finally {
        call.release();
      }
    } finally {
      done();
    }
  }

  async #checkPace({ upstream, path }: Admitted, method: string): Promise<void> {
    try {
      await this.#metering.checkPace();
    } catch (error) {
      this.#report({ decision: "deny", rule: "egress.rate_limited", upstream: upstream.name, method, path });
      throw error;
    }
  }

  async #reserve({ upstream, path }: Admitted, method: string, body: RequestBody): Promise<MeteredCall> {
    try {
      return await this.#metering.reserve(upstream.provider, path, body);
    } catch (error) {
      if (isHoldfastError(error)) {
        const rule = `${error.group}.${error.code}`;
        this.#report({ decision: "deny", rule, upstream: upstream.name, method, path });
      }
      throw error;
    }
  }

  #deny(code: string, status: number, message: string, about: Partial<EgressDecision>): HoldfastError {
    this.#report({ ...about, decision: "deny", rule: `egress.${code}` });
    return refusal(code, status, message);
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    admitted: Admitted,
    metered: MeteredRequest | undefined,
    body: Buffer | Readable | undefined,
  ): Promise<void> {
    const { upstream, rule, path, query } = admitted;
    const method = request.method ?? "";
    const { audit, vault, jailId, session } = this.#options;
    const about = { upstream: upstream.name, method, path };
    const reserved = metered?.call.reserved;
    // The record is on disk before the effect: a request that cannot be recorded is not sent.
    const begun = await audit.append({
      type: "egress.request",
      jailId,
      session,
      data: { ...about, host: upstream.base.host, ...(reserved === undefined ? {} : { reserved }) },
    });
    this.#report({ ...about, decision: "allow", rule: ruleOf(admitted) }, false);
    const end = (data: Record<string, unknown>) =>
      audit.note({ type: "egress.response", jailId, session, data: { request: begun.seq, ...data } });
    const progress = new ForwardProgress();
    const where = { host: upstream.base.host, path: `${upstream.basePath}${path}`, method };
    if (upstream.outside === true) await this.#options.onOutside(`egress to ${upstream.base.host}`);
    try {
      const addresses =
        upstream.publicOnly === true
          ? await this.#options.names.addressesOf(upstream.base.hostname)
          : undefined;
      const chosen = rule.credential ?? upstream.credential;
      const minted = chosen.kind === "git-token" ? await this.#tokens.present(chosen) : undefined;
      const credential = await vault.present(minted === undefined ? chosen : { kind: "basic", ...minted }, {
        principal: this.#options,
        ...where,
      });
      await forward({
        request,
        response,
        upstream,
        path,
        query,
        credential,
        secrets: vault.secrets,
        signal: this.#abort.signal,
        limits: this.#limits,
        progress,
        connections: this.#connections,
        ...(addresses === undefined ? {} : { addresses }),
        tunnelled: this.#tunnels.targetOf(request.socket) !== undefined,
        ...(upstream.name.includes("/")
          ? { redirect: (target: URL) => this.#destinations.hosts.pathOf(target) }
          : {}),
        ...(body === undefined ? {} : { body }),
      });
      const used = this.#settle(upstream, metered, progress);
      const { status, bytesOut, bytesIn } = progress;
      await end({ status, bytesOut, bytesIn, ...used });
    } catch (error) {
      const used = this.#settle(upstream, metered, progress);
      const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
      await end({ error: code, ...used });
      throw error;
    }
  }

  explain(method: string, url: string): EgressExplanation {
    const intercept = this.authority !== undefined;
    return explain({ method, url, destinations: this.#destinations, intercept, limits: this.#limits });
  }

  /** Charges what a call used and reports it; gives the fields of its audit record. */
  #settle(upstream: CheckedUpstream, metered: MeteredRequest | undefined, progress: ForwardProgress) {
    const reported = progress.tokens();
    const counted =
      metered?.call ?? (reported === undefined ? undefined : this.#metering.unbounded(upstream.provider));
    const charge = counted?.settle(reported, progress);
    if (charge === undefined) return {};
    const usage = this.#reportUsage(upstream.name, charge);
    // In the same tick as the charge, so that a crash hardly comes between them.
    metered?.end(usage);
    const { tokens, costMicros, estimated } = charge;
    return { tokens, costMicros, ...(estimated ? { estimated } : {}) };
  }

  #reportUsage(upstream: string, { tokens, costMicros, estimated, isPriced }: Charge): EgressUsage {
    const { jailId, session, user, organization, clock, onUsage } = this.#options;
    const usage: EgressUsage = {
      at: clock.now(),
      jailId,
      session,
      upstream,
      ...tokens,
      costMicros,
      estimated,
      isPriced,
      ...(user === undefined ? {} : { user }),
      ...(organization === undefined ? {} : { organization }),
    };
    onUsage?.(usage);
    return usage;
  }

  /** Reports a decision to the listener; a refusal also goes into the audit log. */
  #report(about: Omit<EgressDecision, "at" | "jailId" | "session">, record = true): void {
    const { jailId, session, clock, onDecision, audit } = this.#options;
    onDecision?.({ at: clock.now(), jailId, session, ...about });
    if (!record) return;
    // Not awaited: a refusal has no effect that must come after its record.
    const data = { ...about, path: about.path?.slice(0, 1_000) };
    void audit.note({ type: "egress.denied", jailId, session, data });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#abort.abort();
      this.#connections.close();
      const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
      for (const socket of this.#sockets) socket.destroy();
      await closed;
      await this.#tokens.close();
      await rm(join(this.socketPath, ".."), { recursive: true, force: true });
    })();
    return this.#closing;
  }
}

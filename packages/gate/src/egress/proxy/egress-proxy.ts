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
import type { BudgetLedger } from "../metering/budget-ledger.ts";
import { type Charge, type MeteredCall, Metering, type Spending } from "../metering/metering.ts";
import type { RequestBody } from "../metering/model-fields.ts";
import { isGeneration } from "../metering/model-request.ts";
import type { Prices } from "../metering/prices.ts";
import { GitTokens } from "../services/git-tokens.ts";
import { writeAuthority } from "../tunnels/authority-files.ts";
import type { CertificateAuthority } from "../tunnels/certificate-authority.ts";
import { interceptedNames, namesTarget, originOf } from "../tunnels/tunnel-decision.ts";
import { Tunnels } from "../tunnels/tunnels.ts";
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
  readonly ledger: BudgetLedger;
  readonly spending: Spending;
  readonly prices: Prices;
  /** Told before an answer that others wrote can arrive. */
  readonly onOutside: (reason: string) => Promise<void>;
  readonly names: PublicResolver;
  /** Tests bring the limits within reach. */
  readonly limits?: Partial<EgressLimits>;
}

/** What has to be there before the proxy of a jail can be. */
interface Made {
  readonly socketPath: string;
  readonly destinations: AllowedDestinations;
  readonly limits: EgressLimits;
  /** Where tunnels end here: the authority, and what of it the jail is shown. */
  readonly authority?: { readonly own: CertificateAuthority; readonly shown: EgressAuthority };
}

/**
 * The only way out of one jail: an HTTP/1.1 server on a Unix socket that the host makes and listens on.
 * Who asks is the socket; what may be asked is the list of upstreams; the key is added on the way out.
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
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The latest answer on each connection. */
  readonly #answers = new WeakMap<object, ServerResponse>();
  readonly #connections: UpstreamConnections;
  readonly #ending = new AbortController();
  #closing: Promise<void> | undefined;

  private constructor(options: EgressProxyOptions, { socketPath, destinations, limits, authority }: Made) {
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
      signal: this.#ending.signal,
      ...(authority === undefined ? {} : { authority: authority.own }),
      report: (about, record) => this.#report(about, record),
      // What is inside is read as any other connection, by the same server with the same limits.
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
        `No upstream is called ${allowedHostSegment} where hosts are open`,
      );
    // Short, since the address of a Unix socket holds 107 bytes.
    const directory = await mkdtemp(join(options.directory, "e-"));
    await chmod(directory, 0o700);
    try {
      const authority = await EgressProxy.#makeAuthority(options, destinations, limits, directory);
      const made = { socketPath: join(directory, "egress.sock"), destinations, limits };
      const proxy = new EgressProxy(options, authority === undefined ? made : { ...made, authority });
      await proxy.#listen();
      return proxy;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** None where it is not wanted, or no tunnel could end here. */
  static async #makeAuthority(
    { intercept, clock }: EgressProxyOptions,
    destinations: AllowedDestinations,
    limits: EgressLimits,
    directory: string,
  ): Promise<Made["authority"]> {
    const names = intercept === true ? interceptedNames(destinations) : [];
    if (names.length === 0) return undefined;
    // Loaded with the first that is wanted: it brings what reads and writes certificates.
    const { CertificateAuthority } = await import("../tunnels/certificate-authority.ts");
    const own = await CertificateAuthority.create({ names, clock, limits });
    return { own, shown: await writeAuthority(directory, own.certificate) };
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
    this.#server.on("connect", (request, socket, first) => {
      void this.#tunnels.open(request, socket as Socket, first);
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
      writeRawRefusal(socket as Socket, refusal(code, status, "The request is not well-formed HTTP/1.1"));
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const before = this.#answers.get(socket);
    // What came with a request whose refusal ends the connection, ours or that of Node itself, is not looked at.
    if (before === undefined ? response.socket === null : before.getHeader("connection") === "close") return;
    if (socket.writableEnded || socket.destroyed) return;
    this.#answers.set(socket, response);
    response.once("finish", () => {
      // One that came meanwhile on the same connection is the latest now.
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

  /** Decides about a request by its head alone. Throws the refusal. */
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

  /** In a tunnel a request means an address of the place that the tunnel leads to, and of no other. */
  #verdictOf(head: RequestHead, { socket, headers }: IncomingMessage): Verdict {
    const { upstreams, hosts } = this.#destinations;
    const place = this.#tunnels.placeOf(socket);
    if (place === undefined) return decide(head, upstreams, hosts, this.#limits);
    if (!namesTarget(headers.host ?? "", place)) {
      const why = "The request names another host than the tunnel that it is in";
      throw this.#deny("misdirected_request", 421, why, { method: head.method });
    }
    return decideByAddress(originOf(place), head, this.#destinations, this.#limits);
  }

  /** Reads and reserves where a budget applies, forwards, and settles whatever happens. */
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
    this.#checkPace(admitted, request.method ?? "");
    if (!this.#metering.bounded) {
      await this.#forward(request, response, admitted, this.#metering.unbounded(provider), undefined);
      return;
    }
    const { "content-encoding": encoding = "identity" } = request.headers;
    if (encoding !== "identity") {
      const why =
        "Where a budget applies, a request to a model is not compressed: its bounds have to be read";
      const about = { upstream: upstream.name, method: request.method ?? "", path };
      throw this.#deny("encoded_request", 415, why, about);
    }
    const { body, done } = await this.#bodies.read(request, response);
    try {
      const read = { bytes: body, type: request.headers["content-type"] };
      const call = this.#reserve(admitted, request.method ?? "", read);
      try {
        await this.#forward(request, response, admitted, call, body);
      } finally {
        call.release();
      }
    } finally {
      done();
    }
  }

  #checkPace({ upstream, path }: Admitted, method: string): void {
    try {
      this.#metering.checkPace();
    } catch (error) {
      this.#report({ decision: "deny", rule: "egress.rate_limited", upstream: upstream.name, method, path });
      throw error;
    }
  }

  #reserve({ upstream, path }: Admitted, method: string, body: RequestBody): MeteredCall {
    try {
      return this.#metering.reserve(upstream.provider, path, body);
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
    call: MeteredCall | undefined,
    body: Buffer | Readable | undefined,
  ): Promise<void> {
    const { upstream, rule, path, query } = admitted;
    const method = request.method ?? "";
    const { audit, vault, jailId, session } = this.#options;
    const about = { upstream: upstream.name, method, path };
    const reserved = call?.reserved;
    // On disk before the effect: a request that cannot be recorded is not made.
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
        signal: this.#ending.signal,
        limits: this.#limits,
        progress,
        connections: this.#connections,
        ...(addresses === undefined ? {} : { addresses }),
        tunnelled: this.#tunnels.placeOf(request.socket) !== undefined,
        ...(upstream.name.includes("/")
          ? { redirect: (target: URL) => this.#destinations.hosts.pathOf(target) }
          : {}),
        ...(body === undefined ? {} : { body }),
      });
      const used = this.#settle(upstream, call, progress);
      const { status, bytesOut, bytesIn } = progress;
      await end({ status, bytesOut, bytesIn, ...used });
    } catch (error) {
      const used = this.#settle(upstream, call, progress);
      const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
      await end({ error: code, ...used });
      throw error;
    }
  }

  explain(method: string, url: string): EgressExplanation {
    const intercept = this.authority !== undefined;
    return explain({ method, url, destinations: this.#destinations, intercept, limits: this.#limits });
  }

  /** Charges what a call used, tells it, and gives what goes on record. */
  #settle(upstream: CheckedUpstream, call: MeteredCall | undefined, progress: ForwardProgress) {
    const told = progress.tokens();
    const counted = call ?? (told === undefined ? undefined : this.#metering.unbounded(upstream.provider));
    const charge = counted?.settle(told, progress);
    if (charge === undefined) return {};
    this.#tellUsage(upstream.name, charge);
    const { tokens, costMicros, estimated } = charge;
    return { tokens, costMicros, ...(estimated ? { estimated } : {}) };
  }

  #tellUsage(upstream: string, { tokens, costMicros, estimated }: Charge): void {
    const { jailId, session, user, organization, clock, onUsage } = this.#options;
    const usage: EgressUsage = {
      at: clock.now(),
      jailId,
      session,
      upstream,
      ...tokens,
      costMicros,
      estimated,
      ...(user === undefined ? {} : { user }),
      ...(organization === undefined ? {} : { organization }),
    };
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

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#ending.abort();
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

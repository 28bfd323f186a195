import { type Clock, type Logger, systemRandom, uuidv7 } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import { AuditThrottle } from "./audit-throttle.ts";
import { brokerLimits } from "./broker-limits.ts";
import { type CachedCall, CallCache, digestOf } from "./call-cache.ts";
import type { PeerRefused, PeerRule, Routed } from "./endpoint/channel.ts";
import { Endpoint } from "./endpoint/endpoint.ts";
import type { BrokerErrorPayload } from "./errors.ts";
import { Cancelled } from "./executor.ts";
import { wireTopics } from "./messages/wire.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Rates } from "./rates/rates.ts";
import { Refusal, rateLimited } from "./refusal.ts";
import type { ToolNames } from "./stages/authorize.ts";
import type { Readable } from "./stages/construct.ts";
import type { ConstructedCall } from "./stages/stage.ts";
import type { Principal } from "./tool.ts";

/** Outcome of a frame, for diagnostics. */
export interface Outcome {
  readonly principal: Principal;
  readonly seen: Readable;
  readonly error: BrokerErrorPayload | null;
  readonly redactions: number;
}

export interface JailBrokerParts {
  readonly pipeline: Pipeline;
  readonly rates: Rates;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Logger;
  readonly listTools: (principal: Principal) => unknown;
  readonly onOutcome: (outcome: Outcome) => void;
  /** Millionths of a dollar that a call cost. */
  readonly costOf: (tool: string, ok: boolean) => number;
}

export interface JailBrokerOptions {
  readonly directory: string;
  readonly principal: Principal;
  readonly offered: ToolNames | undefined;
}

interface Answer {
  /** JSON. */
  readonly result: string;
  readonly error: BrokerErrorPayload | null;
  readonly source: string;
  readonly redactions: number;
  /** Whether a handler ran, or may have. */
  readonly effect: boolean;
}

/** First byte of routing ids that libzmq generates. They are never reused. */
const generatedIdPrefix = 0;

/** Broker of one jail: takes every frame of its endpoint through the stages and answers it. */
export class JailBroker {
  readonly principal: Principal;
  readonly offered: ToolNames | undefined;
  readonly #parts: JailBrokerParts;
  readonly #calls = new CallCache();
  readonly #open = new Set<Promise<void>>();
  readonly #refusalThrottle = new AuditThrottle();
  readonly #peerThrottle = new AuditThrottle();
  #endpoint: Endpoint | undefined;
  #closed = false;

  private constructor(parts: JailBrokerParts, options: JailBrokerOptions) {
    this.#parts = parts;
    this.principal = options.principal;
    this.offered = options.offered;
  }

  static async open(parts: JailBrokerParts, options: JailBrokerOptions): Promise<JailBroker> {
    const broker = new JailBroker(parts, options);
    broker.#endpoint = await Endpoint.open({
      directory: options.directory,
      log: parts.log,
      onRequest: (request) => broker.#receive(request),
      onRefused: (refused) => broker.#peerRefused(refused),
      onProblem: (problem) => broker.#note("broker.endpoint_problem", { ...problem }),
      onLost: (how) => broker.#endpointLost(how),
    });
    return broker;
  }

  /** Pid of the process that holds the sockets. */
  get endpointPid(): number | undefined {
    return this.#endpoint?.pid;
  }

  setPeers(rule: PeerRule): void {
    // No caller remains for an answer.
    if (rule === null) this.#calls.cancel(new Cancelled("the jail has ended"));
    this.#endpoint?.setRule(rule);
  }

  listChanged(): void {
    this.#publish(wireTopics.listChanged, null, {});
  }

  /** Cancels every call and closes the sockets. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#calls.cancel(new Cancelled("the jail's broker was closed"));
    await this.#endpoint?.close();
    await Promise.all(this.#open);
  }

  #receive(request: Routed): void {
    const seen: Readable = { topic: null, correlation: null };
    let call: ConstructedCall;
    try {
      call = this.#parts.pipeline.construct.run(request.bytes, this.principal, seen);
    } catch (error) {
      return this.#send(request, this.#encode(this.#refused(error, seen), seen));
    }
    const { topic } = call.envelope;
    if (topic === wireTopics.list || topic === wireTopics.cancel) {
      // Copied: the memory of the frame is used again.
      const to = { flags: request.flags, id: Buffer.from(request.id) };
      const answered = this.#control(to, call, seen)
        .then((answer) => this.#send(to, this.#encode(answer, seen)))
        .finally(() => this.#open.delete(answered));
      this.#open.add(answered);
      return;
    }
    this.#begin(request, call, seen);
  }

  /** A repeated frame joins its call; any other starts one. */
  #begin(request: Routed, call: ConstructedCall, seen: Readable): void {
    const key = CallCache.key(request.id, call.envelope.correlation);
    const digest = digestOf(request.bytes);
    const known = this.#calls.get(key, performance.now());
    const waiting = { flags: request.flags, id: Buffer.from(request.id) };
    if (known !== undefined) {
      if (known.digest !== digest) {
        const refusal = new Refusal(
          "VALIDATION_FAILED",
          "This correlation was already used for another call. Use a new one",
          {
            stage: 1,
          },
        );
        return this.#send(request, this.#encode(this.#refused(refusal, seen), seen));
      }
      if (known.answer !== undefined) return this.#send(request, known.answer);
      if (known.waiting.length < brokerLimits.maxInFlight) known.waiting.push(waiting);
      return;
    }
    if (this.#calls.running >= brokerLimits.maxInFlight) {
      const busy = `${brokerLimits.maxInFlight} calls are running, the maximum. Wait for one to end`;
      const refusal = new Refusal("RATE_LIMITED", busy, { retryAfterMs: 1_000 });
      return this.#send(request, this.#encode(this.#refused(refusal, seen), seen));
    }
    const kept: CachedCall = {
      key,
      digest,
      cancel: new AbortController(),
      waiting: [waiting],
      answer: undefined,
      at: 0,
    };
    this.#calls.start(kept);
    const done = this.#run(kept, call, seen).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  async #run(kept: CachedCall, call: ConstructedCall, seen: Readable): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#stages(call, kept.cancel.signal);
    } catch (error) {
      answer = this.#refused(error, seen);
    }
    const bytes = this.#encode(answer, seen);
    this.#calls.end(kept, bytes, answer.effect, performance.now());
    for (const each of kept.waiting) this.#send(each, bytes);
  }

  async #stages(call: ConstructedCall, signal: AbortSignal): Promise<Answer> {
    const { pipeline, rates, costOf } = this.#parts;
    const { correlation } = call.envelope;
    const checked = pipeline.payload.run(pipeline.topic.run(call));
    const { tool } = checked.entry;
    const authorized = await pipeline.authorize.run(checked, this.offered);
    const confirmed = await pipeline.confirm.run(authorized, signal, ({ id, expiresAt }) => {
      this.#publish(`${wireTopics.confirmation}${correlation}`, correlation, {
        ...{ correlation, tool: tool.name, approval: id },
        expires_at: new Date(expiresAt).toISOString(),
      });
      this.#note("tool.confirmation_asked", { ...authorized.auditData, approval: id, correlation });
    });
    const executed = await pipeline.route.run(confirmed, signal, (progress) => {
      this.#publish(`${wireTopics.progress}${correlation}`, correlation, { correlation, ...progress });
    });
    const ok = executed.error === null;
    const used = { bytes: Buffer.byteLength(executed.text), money: costOf(tool.name, ok) };
    rates.charge(this.principal, tool.name, used);
    const { principal } = this;
    this.#parts.onOutcome({
      principal,
      seen: call.envelope,
      error: executed.error,
      redactions: executed.redactions,
    });
    const { text, error, redactions } = executed;
    return { result: text, error, redactions, source: tool.plugin, effect: true };
  }

  /** Turns an error into an answer. The caller sees only messages that are meant for it. */
  #refused(error: unknown, seen: Readable): Answer {
    const payload = this.#payloadOf(error);
    if (this.#refusalThrottle.allow(this.#parts.clock.now())) {
      const { code, stage, field } = payload;
      const skipped = this.#refusalThrottle.takeSkipped();
      this.#note("tool.refused", {
        ...{ code, stage, topic: seen.topic, correlation: seen.correlation },
        ...(error instanceof Refusal ? error.auditData : {}),
        ...(field === undefined ? {} : { field: field.slice(0, brokerLimits.maxNotedFieldCharacters) }),
        ...(skipped === 0 ? {} : { skipped }),
      });
    }
    this.#parts.onOutcome({ principal: this.principal, seen, error: payload, redactions: 0 });
    return { result: "null", error: payload, redactions: 0, source: "core", effect: false };
  }

  #payloadOf(error: unknown): BrokerErrorPayload {
    if (error instanceof Refusal) return error.payload;
    if (error instanceof Cancelled) return new Refusal("HANDLER_ERROR", "The call was cancelled").payload;
    const incident = uuidv7(this.#parts.clock, systemRandom);
    this.#parts.log.error("the broker failed", { incident, error });
    return new Refusal("PLUGIN_ERROR", `The call failed; the gate's log has the error ${incident}`).payload;
  }

  /** `tool.list` and `tool.cancel`, which have no effect outside the gate. */
  async #control(from: Pick<Routed, "id">, call: ConstructedCall, seen: Readable): Promise<Answer> {
    try {
      const { topic, payload } = call.envelope;
      const limited = await this.#parts.rates.take(this.principal, topic, call.bytes);
      if (limited !== undefined) throw rateLimited("Too many calls", limited);
      const result =
        topic === wireTopics.list ? this.#list(payload.arguments) : this.#cancel(from, payload.arguments);
      return { result: JSON.stringify(result), error: null, redactions: 0, source: "core", effect: false };
    } catch (error) {
      return this.#refused(error, seen);
    }
  }

  #list(args: Readonly<Record<string, unknown>>): unknown {
    const [name] = Object.keys(args);
    if (name !== undefined)
      throw new Refusal("VALIDATION_FAILED", "tool.list takes no arguments", { field: name });
    return { tools: this.#parts.listTools(this.principal) };
  }

  #cancel({ id }: Pick<Routed, "id">, args: Readonly<Record<string, unknown>>): unknown {
    const { correlation } = args;
    if (typeof correlation !== "string" || Object.keys(args).length !== 1) {
      throw new Refusal("VALIDATION_FAILED", "tool.cancel takes a correlation", { field: "correlation" });
    }
    const key = CallCache.key(id, correlation);
    const running = this.#calls.get(key, performance.now());
    const cancelled = running !== undefined && running.answer === undefined;
    if (cancelled) running.cancel.abort(new Cancelled("the caller cancelled"));
    return { cancelled };
  }

  #encode({ result, error, source }: Answer, seen: Readable): Buffer {
    const now = this.#parts.clock.now();
    const head = JSON.stringify({
      id: uuidv7(this.#parts.clock, systemRandom),
      version: 1,
      type: "response",
      topic: seen.topic,
      source,
      correlation: seen.correlation,
      timestamp: new Date(now).toISOString(),
      group: this.principal.group,
    });
    // The result is already JSON.
    const payload = `{"result":${result},"error":${JSON.stringify(error)}}`;
    return Buffer.from(`${head.slice(0, -1)},"payload":${payload}}`);
  }

  #send(to: Pick<Routed, "flags" | "id">, bytes: Buffer): void {
    if (!this.#closed) this.#endpoint?.answer(to, bytes);
  }

  #publish(topic: string, correlation: string | null, payload: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    const event = {
      id: uuidv7(this.#parts.clock, systemRandom),
      version: 1,
      type: "event",
      topic,
      source: "core",
      correlation,
      timestamp: new Date(this.#parts.clock.now()).toISOString(),
      group: this.principal.group,
      payload,
    };
    this.#endpoint?.publish(topic, Buffer.from(JSON.stringify(event)));
  }

  #peerRefused(refused: PeerRefused): void {
    if (!this.#peerThrottle.allow(this.#parts.clock.now())) return;
    this.#parts.log.warn("a connection to a jail's broker was refused", { ...refused });
    const skipped = this.#peerThrottle.takeSkipped();
    this.#note("broker.peer_refused", { ...refused, ...(skipped === 0 ? {} : { skipped }) });
  }

  /** A connection that chose its own routing id can fetch its answers after a reconnect; others cannot. */
  #endpointLost(how: string): void {
    this.#note("broker.endpoint_lost", { how });
    this.#calls.cancel(
      new Cancelled("the connection was closed"),
      (call) => call.key.charCodeAt(0) === generatedIdPrefix,
    );
  }

  #note(type: string, data: Readonly<Record<string, unknown>>): void {
    const { jailId, session } = this.principal;
    const noted = this.#parts.audit
      .note({ type, jailId, session, data })
      .finally(() => this.#open.delete(noted));
    this.#open.add(noted);
  }
}

/** Tool broker: catalogue, pipeline, executor, rate limits, taint. */
import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HoldfastError, type Logger } from "@holdfast/core";
import type { Approvals } from "../approvals/approvals.ts";
import type { Audit } from "../audit/audit.ts";
import type { Jail } from "../jail/jail.ts";
import type { Policy } from "../policy/policy.ts";
import type { KnownSecrets } from "../vault/redaction/known-secrets.ts";
import { brokerLimits } from "./broker-limits.ts";
import { Catalog, listed } from "./catalog.ts";
import { CoreTools, type Diagnostic } from "./core-tools.ts";
import { Executor } from "./executor.ts";
import { JailBroker, type Outcome } from "./jail-broker.ts";
import { Sanitizer } from "./messages/sanitizer.ts";
import type { WireTool } from "./messages/wire.ts";
import { assertRealStages, type Pipeline } from "./pipeline.ts";
import { RateLimiter } from "./rates/rate-limiter.ts";
import type { RateLimits, Rates } from "./rates/rates.ts";
import type { SharedBuckets } from "./rates/shared-buckets.ts";
import { SharedRateLimiter } from "./rates/shared-rate-limiter.ts";
import { AuthorizeStage, isOffered, ToolNames } from "./stages/authorize.ts";
import { ConfirmStage } from "./stages/confirm.ts";
import { ConstructStage } from "./stages/construct.ts";
import { PayloadStage } from "./stages/payload.ts";
import { RouteStage } from "./stages/route.ts";
import { stageNames } from "./stages/stage.ts";
import { TopicStage } from "./stages/topic.ts";
import { type SharedTaint, Taint, taintKey } from "./taint.ts";
import type { Principal } from "./tool.ts";

/** Configuration of the broker. */
export interface BrokerConfig {
  /** Replaces the default rates of the scopes that it names. */
  readonly rateLimits?: RateLimits;
  /** Timeout of a tool that declares none; 30,000 ms by default. */
  readonly handlerTimeoutMs?: number;
  /** How long a call waits for a person before its caller is told to retry; 30,000 ms by default. */
  readonly confirmWaitMs?: number;
  /** Millionths of a dollar that a call cost, for the limits in money. Nothing by default. */
  readonly costOf?: (tool: string, ok: boolean) => number;
}

/** The caller behind a jail, and the tools it may call. */
export interface OpenBrokerOptions extends Principal {
  /** Names of the tools that the jail may see and call, or patterns with `*`; every tool when absent. */
  readonly tools?: readonly string[];
}

/** The broker of one jail, as it is opened before the jail starts. */
export interface OpenedBroker {
  readonly jailId: string;
  /** Host path (0700) with the sockets, for mounting into the jail at `/run/holdfast/gate`. */
  readonly directory: string;
  /** Untrusted content has entered the session: its calls are of higher risk from now on. */
  taint(reason: string): Promise<void>;
  /** Ends every call, closes the sockets and removes the directory. Idempotent. */
  close(): Promise<void>;
}

export interface BrokerParts {
  /** Parent of the directories that hold the sockets. */
  readonly sockets: string;
  readonly ratesPath: string;
  /** File of the tainted sessions. */
  readonly taintPath: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly approvals: Approvals;
  readonly policy: Policy;
  readonly secrets: KnownSecrets;
  readonly config: BrokerConfig;
  /** Rates and taint of the gates of all nodes, instead of those of this gate's files alone. */
  readonly shared?: { readonly buckets: SharedBuckets; readonly taint: SharedTaint };
}

const maxDiagnostics = 100;
const maxSessions = 1_000;

/** The brokers of all jails of a gate, with the catalog, stages and rate limits they share. */
export class Broker {
  readonly catalog: Catalog;
  readonly taint: Taint;
  readonly #parts: BrokerParts;
  readonly #pipeline: Pipeline;
  readonly #rates: Rates;
  readonly #open = new Map<string, JailBroker>();
  readonly #opening = new Set<string>();
  readonly #diagnostics = new Map<string, Diagnostic[]>();

  /** Throws `broker.stage_missing` when a stage is not the real one. */
  constructor(parts: BrokerParts) {
    const { clock, log, audit, approvals, policy, secrets, config } = parts;
    this.#parts = parts;
    this.catalog = new Catalog(log);
    this.taint = Taint.open(parts.taintPath);
    const limits = config.rateLimits === undefined ? {} : { limits: config.rateLimits };
    this.#rates =
      parts.shared === undefined
        ? new RateLimiter({ path: parts.ratesPath, clock, log, ...limits })
        : new SharedRateLimiter({ buckets: parts.shared.buckets, clock, log, ...limits });
    const executor = new Executor({
      sanitizer: new Sanitizer(secrets),
      taint: this.taint,
      onUntrusted: (principal, reason) => this.markTainted(principal, reason),
      log,
      timeoutMs: config.handlerTimeoutMs ?? brokerLimits.handlerTimeoutMs,
    });
    this.#pipeline = {
      construct: new ConstructStage(clock),
      topic: new TopicStage(this.catalog),
      payload: new PayloadStage(),
      authorize: new AuthorizeStage({ policy, rates: this.#rates, taint: this.taint }),
      confirm: new ConfirmStage({
        ...{ approvals, policy, taint: this.taint },
        waitMs: config.confirmWaitMs ?? brokerLimits.confirmWaitMs,
      }),
      route: new RouteStage({ audit, executor }),
    };
    assertRealStages(this.#pipeline, executor);
    this.catalog.register(
      new CoreTools({
        listTools: (principal) => this.#listTools(principal),
        sessionInfo: (principal) => this.#sessionInfo(principal),
        diagnostics: (principal) => this.#diagnostics.get(principal.session) ?? [],
      }),
    );
    this.catalog.onChange(() => {
      for (const jail of this.#open.values()) jail.listChanged();
    });
  }

  /** Costs of models count towards the same limits as costs of tools. */
  get spending(): Pick<Rates, "spent" | "spend"> {
    return this.#rates;
  }

  /** The rates in force, for display. */
  get detail(): string {
    const tools = this.catalog.list().length;
    return `stages ${stageNames.join(", ")}; ${tools} tools; ${this.#open.size} open`;
  }

  /** Throws `broker.duplicate_jail`, `broker.endpoint_failed`, `broker.path_too_long`. */
  async open({ tools, ...given }: OpenBrokerOptions): Promise<OpenedBroker> {
    const principal: Principal = given;
    const { jailId } = principal;
    if (this.#open.has(jailId) || this.#opening.has(jailId)) {
      throw new HoldfastError("broker", "duplicate_jail", `The jail ${jailId} already has a broker`, {
        statusCode: 409,
      });
    }
    this.#opening.add(jailId);
    const directory = join(this.#parts.sockets, `b${randomBytes(6).toString("hex")}`);
    try {
      await mkdir(directory, { mode: 0o700 });
      await this.#adoptTaint(taintKey(principal));
      const jail = await this.#openJail(directory, principal, tools);
      this.#open.set(jailId, jail);
      return {
        jailId,
        directory,
        taint: (reason) => this.markTainted(principal, reason),
        close: async () => {
          if (this.#open.get(jailId) === jail) this.#open.delete(jailId);
          await jail.close();
          await rm(directory, { recursive: true, force: true });
        },
      };
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    } finally {
      this.#opening.delete(jailId);
    }
  }

  /** Marks that untrusted content has entered the session. Durable and audited. */
  async markTainted(principal: Pick<Principal, "session"> & Partial<Principal>, reason: string) {
    await Promise.all([
      this.#markHere(principal, reason),
      this.#parts.shared?.taint.mark(taintKey(principal), reason),
    ]);
  }

  /** A session that another node has marked is tainted here, too. */
  async #adoptTaint(session: string): Promise<void> {
    const reason = await this.#parts.shared?.taint.reason(session);
    if (reason !== undefined) this.taint.mark(session, reason, this.#parts.clock.now());
  }

  async #markHere(principal: Pick<Principal, "session"> & Partial<Principal>, reason: string) {
    const { jailId, session } = principal;
    if (!this.taint.mark(taintKey(principal), reason, this.#parts.clock.now())) return;
    await this.#parts.audit.note({
      type: "session.tainted",
      ...(jailId === undefined ? {} : { jailId }),
      session,
      data: { reason },
    });
  }

  #openJail(
    directory: string,
    principal: Principal,
    tools: readonly string[] | undefined,
  ): Promise<JailBroker> {
    const { audit, clock, log, config } = this.#parts;
    return JailBroker.open(
      {
        ...{ pipeline: this.#pipeline, rates: this.#rates, audit, clock, log },
        listTools: (asking) => this.#listTools(asking),
        onOutcome: (outcome) => this.#remember(outcome),
        costOf: config.costOf ?? (() => 0),
      },
      { directory, principal, offered: tools === undefined ? undefined : new ToolNames(tools) },
    );
  }

  /** Allows the processes of this jail to connect, and no others. */
  jailStarted(jail: Jail, confined: boolean): void {
    const broker = this.#open.get(jail.id);
    if (broker === undefined) return;
    if (!confined) return broker.setPeers({ pid: jail.pid });
    if (jail.relayPid !== undefined) return broker.setPeers({ relay: jail.relayPid });
    try {
      broker.setPeers({ namespace: readlinkSync(`/proc/${jail.dialerPid ?? jail.pid}/ns/pid`) });
    } catch {
      // The jail has ended already.
      broker.setPeers(null);
    }
  }

  jailEnded(jailId: string): void {
    this.#open.get(jailId)?.setPeers(null);
  }

  /** Ends every call and closes the sockets of all jails. */
  async endCalls(): Promise<void> {
    await Promise.all([...this.#open.values()].map((each) => each.close()));
  }

  /** Returns what this gate holds of rate limits that it shares with others. */
  async leave(): Promise<void> {
    if (this.#parts.shared !== undefined) await this.#rates.close();
  }

  /** Saves the rate limits' state. Call it after everything that may still be charged. */
  async close(): Promise<void> {
    await this.endCalls();
    await this.#rates.close();
    this.taint.close();
  }

  #listTools(principal: Principal): readonly WireTool[] {
    const offered = this.#open.get(principal.jailId)?.offered;
    return this.catalog
      .list()
      .filter((tool) => isOffered(tool, principal.group, offered))
      .map(listed);
  }

  #sessionInfo(principal: Principal): Readonly<Record<string, unknown>> {
    const { group, session, agent, jailId } = principal;
    return {
      ...{ group, session, jail: jailId },
      ...(agent === undefined ? {} : { agent }),
      tainted: this.taint.has(taintKey(principal)),
    };
  }

  #remember({ principal: { session }, seen, error, redactions }: Outcome): void {
    const entries = this.#diagnostics.get(session) ?? [];
    if (entries.length === 0) {
      const [oldest] = this.#diagnostics.keys();
      if (this.#diagnostics.size >= maxSessions && oldest !== undefined) this.#diagnostics.delete(oldest);
      this.#diagnostics.set(session, entries);
    }
    const failed = error?.stage === 6 ? "error" : "rejected";
    entries.push({
      at: new Date(this.#parts.clock.now()).toISOString(),
      correlation: seen.correlation,
      topic: seen.topic,
      outcome: error !== null ? failed : redactions > 0 ? "sanitized" : "routed",
      ...(error === null ? {} : { code: error.code }),
      ...(error?.stage === undefined ? {} : { stage: error.stage }),
    });
    if (entries.length > maxDiagnostics) entries.shift();
  }
}

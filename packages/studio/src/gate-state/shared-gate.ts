import { createHash, randomUUID } from "node:crypto";
import type { ActorConnBase, ClientBase, EventToken } from "@holdfast/client";
import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import {
  type AllowanceAnswer,
  type AllowanceRequest,
  type Allowances,
  type Approval,
  type ApprovalDecision,
  type ApprovalFilter,
  type ApprovalQuestion,
  type ArchiveEnd,
  type AuditArchive,
  type AuditCheckpoint,
  type AuditVerification,
  archiveTimes,
  type BucketGrant,
  type BucketRequest,
  type BucketSubject,
  type BudgetSubject,
  type ClusterKeys,
  type PolicyRule,
  type SealedEntries,
  type SealedEntry,
  type SealedList,
  type SharedApprovals,
  type SharedBuckets,
  type SharedGate,
  type SharedPluginAnswer,
  type SharedPluginCall,
  type SharedPluginHost,
  type SharedPlugins,
  type SharedRules,
  type SharedTaint,
} from "@holdfast/gate";
import type { ApprovalPage } from "./approvals.ts";
import type { VerifyReport, VerifyRequest } from "./audit-chain.ts";
import type { EarlierRows } from "./earlier-data/earlier-rows.ts";
import { moveEarlierData } from "./earlier-data/move-data.ts";
import type { LocalGate } from "./local-gate.ts";
import type { VaultPage } from "./vault.ts";

export interface SharedGateOptions {
  readonly node: string;
  readonly keys: ClusterKeys;
  /** The client of the actors. It is asked for at each call, because the gate is opened before the actors. */
  readonly client: () => ClientBase;
  /** Leads the actors of this process to its gate. */
  readonly gate: LocalGate;
  /** The groups that the node has settings of. */
  readonly groups: () => readonly string[];
  readonly log: Logger;
}

/** Events of the actors. */
interface GateEvents {
  readonly changed: EventToken<string | null>;
  readonly verify: EventToken<VerifyRequest>;
  readonly verified: EventToken<VerifyReport>;
}

/** How long a call may take. A node that does not answer must not hold up a jail for ever. */
const callTimeoutMs = 20_000;

/** The gate's ports over the actors of the cluster. */
export function createSharedGate(options: SharedGateOptions): SharedGate {
  const { node, keys } = options;
  const actors = new GateActors(options);
  return {
    ...{ node, keys },
    vault: new ActorVault(actors),
    allowances: new ActorAllowances(actors),
    buckets: new ActorBuckets(actors),
    taint: new ActorTaint(actors),
    rules: new ActorRules(actors),
    approvals: new ActorApprovals(actors),
    audit: new ActorArchive(actors),
    plugins: new ActorPlugins(actors, options),
  };
}

/** Calls the actors, and follows their events. */
class GateActors {
  readonly #options: SharedGateOptions;

  constructor(options: SharedGateOptions) {
    this.#options = options;
  }

  /** Calls an action. Throws `gate.shared_state_timeout`, and what the actor throws. */
  async call<Result>(
    name: string,
    key: readonly string[],
    action: string,
    ...args: unknown[]
  ): Promise<Result> {
    const late = AbortSignal.timeout(callTimeoutMs);
    try {
      return await this.callFor<Result>(late, name, key, action, ...args);
    } catch (error) {
      throw error === late.reason ? timedOut(error) : error;
    }
  }

  /** Calls an action for a caller with a timeout of its own. */
  callFor<Result>(
    signal: AbortSignal,
    name: string,
    key: readonly string[],
    action: string,
    ...args: unknown[]
  ): Promise<Result> {
    return this.#options
      .client()
      .getOrCreate(name, [...key])
      .action<Result>({ name: `internal.${action}`, args, signal });
  }

  /** Opens a connection, which reconnects by itself. Errors are logged. */
  connect(name: string, key: readonly string[], params?: unknown): ActorConnBase<GateEvents> {
    const connection: ActorConnBase<GateEvents> = this.#options
      .client()
      .getOrCreate(name, [...key])
      .connect(params);
    connection.onError((error) => {
      this.#options.log.warn("a connection to the shared state of the gates failed", { name, error });
    });
    connection.ready.catch(() => {});
    return connection;
  }

  /** Runs work that nobody waits for; logs its failure. */
  background(work: Promise<unknown>, message: string): void {
    void work.catch((error: unknown) => this.#options.log.warn(message, { error }));
  }
}

function timedOut(cause: unknown): HoldfastError {
  const message = `The state that the gates of the cluster share did not answer within ${callTimeoutMs / 1_000} s. Check that the nodes reach the database and keep their sessions: holdfast cluster status`;
  return new HoldfastError("gate", "shared_state_timeout", message, { statusCode: 503, cause });
}

/** A part of an actor's key of limited length. */
function keyPart(text: string): string {
  const short = /^[\x21-\x7e]{1,100}$/.test(text);
  return short ? text : `sha256 ${createHash("sha256").update(text).digest("hex")}`;
}

class ActorVault implements SealedEntries {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("gateVault", ["local"], action, ...args);
  }

  async get(name: string): Promise<SealedEntry | undefined> {
    return (await this.#call<SealedEntry | null>("get", name)) ?? undefined;
  }

  async list(prefix: string, since?: number): Promise<SealedList | undefined> {
    for (;;) {
      const first = await this.#call<VaultPage | null>("list", prefix, null, since ?? null);
      if (first === null) return undefined;
      const entries = await this.#rest(prefix, first);
      // Undefined: something changed between two pages.
      if (entries !== undefined) return { version: first.version, entries: new Map(entries) };
    }
  }

  async #rest(prefix: string, first: VaultPage) {
    const entries = [...first.entries];
    for (let page = first; page.more; ) {
      const after = page.entries.at(-1)?.[0] ?? null;
      const next = await this.#call<VaultPage | null>("list", prefix, after, null);
      if (next === null || next.version !== first.version) return undefined;
      entries.push(...next.entries);
      page = next;
    }
    return entries;
  }

  put(name: string, entry: SealedEntry, replaces?: string | null): Promise<boolean> {
    return this.#call("put", name, entry, ...(replaces === undefined ? [] : [replaces]));
  }

  delete(name: string): Promise<boolean> {
    return this.#call("delete", name);
  }
}

class ActorAllowances implements Allowances {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  hold({ scope, id }: BudgetSubject, request: AllowanceRequest): Promise<AllowanceAnswer> {
    return this.#actors.call("gateBudget", [scope, keyPart(id)], "hold", request);
  }
}

class ActorBuckets implements SharedBuckets {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  take({ kind, id }: BucketSubject, requests: readonly BucketRequest[]): Promise<readonly BucketGrant[]> {
    return this.#actors.call("gateRates", [kind, keyPart(id)], "take", requests);
  }
}

class ActorTaint implements SharedTaint {
  readonly #actors: GateActors;
  /** Sessions that are known to be marked. */
  readonly #marked = new Set<string>();

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  async mark(session: string, reason: string): Promise<void> {
    if (this.#marked.has(session)) return;
    await this.#actors.call("gateTaint", ["local"], "mark", session, reason);
    this.#marked.add(session);
  }

  async reason(session: string): Promise<string | undefined> {
    return (await this.#actors.call<string | null>("gateTaint", ["local"], "reason", session)) ?? undefined;
  }
}

class ActorRules implements SharedRules {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("gateRules", ["local"], action, ...args);
  }

  list(): Promise<readonly PolicyRule[]> {
    return this.#call("list");
  }

  add(rule: PolicyRule): Promise<void> {
    return this.#call("add", rule);
  }

  remove(id: string): Promise<boolean> {
    return this.#call("remove", id);
  }

  onChange(listener: () => void): () => void {
    const connection = this.#actors.connect("gateRules", ["local"]);
    connection.on("changed", () => listener());
    connection.onGap(listener);
    // Rules may have changed before it was open.
    connection.onOpen(listener);
    return () => this.#actors.background(connection.dispose(), "a connection could not be closed");
  }
}

class ActorApprovals implements SharedApprovals {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("gateApprovals", ["local"], action, ...args);
  }

  request(question: ApprovalQuestion): Promise<Approval> {
    // Asked again, it finds what the attempt before has made.
    return repeatOnce(() => this.#call("request", question));
  }

  async get(id: string): Promise<Approval | undefined> {
    return (await this.#call<Approval | null>("get", id)) ?? undefined;
  }

  async list(filter: ApprovalFilter): Promise<readonly Approval[]> {
    const records: Approval[] = [];
    for (let after: string | null = null; ; ) {
      const page: ApprovalPage = await this.#call<ApprovalPage>("list", filter, after);
      records.push(...page.records);
      if (page.next === null) return records;
      after = page.next;
    }
  }

  decide(id: string, decision: ApprovalDecision, by: string): Promise<Approval> {
    // If the attempt before was taken, this one says that the record is not pending.
    return repeatOnce(() => this.#call("decide", id, decision, by));
  }

  consume(id: string, binding: string): Promise<Approval> {
    return this.#call("consume", id, binding);
  }

  cancelSession(session: string): Promise<number> {
    return repeatOnce(() => this.#call("cancelSession", session));
  }

  onChange(listener: (id: string | undefined) => void): () => void {
    const connection = this.#actors.connect("gateApprovals", ["local"]);
    connection.on("changed", (id) => listener(id ?? undefined));
    connection.onGap(() => listener(undefined));
    // Records may have changed before it was open.
    connection.onOpen(() => listener(undefined));
    return () => this.#actors.background(connection.dispose(), "a connection could not be closed");
  }
}

/** Repeats a call that the end of a node interrupted. Only for calls that may run twice. */
async function repeatOnce<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (isErrorCode(error, "action", "interrupted")) return call();
    throw error;
  }
}

/** The built-in plugins whose data is in actors, each with the actor that has the data of one group. */
const pluginActors: ReadonlyMap<string, string> = new Map([
  ["memory", "groupMemory"],
  ["scheduler", "groupSchedules"],
  ["notify", "groupNotices"],
]);

class ActorPlugins implements SharedPlugins {
  readonly #actors: GateActors;
  readonly #options: SharedGateOptions;

  constructor(actors: GateActors, options: SharedGateOptions) {
    this.#actors = actors;
    this.#options = options;
  }

  has(plugin: string): boolean {
    return pluginActors.has(plugin);
  }

  invoke(plugin: string, call: SharedPluginCall, signal: AbortSignal): Promise<SharedPluginAnswer> {
    const key = [keyPart(call.context.group)];
    return this.#actors.callFor(signal, this.#actorOf(plugin), key, "invoke", call);
  }

  verify(plugin: string): Promise<void> {
    return this.#actors.call(this.#actorOf(plugin), ["verify"], "verify");
  }

  attach(host: SharedPluginHost): () => void {
    return this.#options.gate.attach(host);
  }

  moveIn(plugin: string, directory: string): Promise<number> {
    const { groups, log } = this.#options;
    const takeOver = (group: string, rows: EarlierRows<unknown>): Promise<number> =>
      this.#actors.call(this.#actorOf(plugin), [keyPart(group)], "takeOver", group, rows);
    return moveEarlierData(plugin, directory, {
      groups: [...new Set([...groups(), "default", "verify"])],
      target: { takeOver: (group, rows) => repeatOnce(() => takeOver(group, rows)) },
      log,
    });
  }

  #actorOf(plugin: string): string {
    const name = pluginActors.get(plugin);
    if (name === undefined) throw new Error(`The nodes share no data of the plugin ${plugin}`);
    return name;
  }
}

class ActorArchive implements AuditArchive {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(chain: string, action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("auditChain", [keyPart(chain)], action, ...args);
  }

  end(chain: string): Promise<ArchiveEnd> {
    return this.#call(chain, "end");
  }

  append(chain: string, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#call(chain, "append", offset, new Uint8Array(bytes));
  }

  sign(chain: string, checkpoint: AuditCheckpoint): Promise<void> {
    return this.#call(chain, "sign", checkpoint);
  }

  read(chain: string, offset: number): Promise<Uint8Array> {
    return this.#call(chain, "read", offset);
  }

  async verifyFiles(
    chain: string,
    kept: AuditCheckpoint | undefined,
  ): Promise<AuditVerification | undefined> {
    const id = randomUUID();
    const connection = this.#actors.connect("auditChain", [keyPart(chain)]);
    const answered = Promise.withResolvers<AuditVerification | undefined>();
    const timer = setTimeout(() => answered.resolve(undefined), archiveTimes.verifyMs);
    try {
      connection.on("verified", (report: VerifyReport) => {
        if (report.id === id) answered.resolve(report.result);
      });
      await connection.ready;
      const request: VerifyRequest = { id, kept: kept ?? null };
      const isAsked = await connection.action<boolean>({ name: "internal.verify", args: [request] });
      return isAsked ? await answered.promise : undefined;
    } finally {
      clearTimeout(timer);
      await connection.dispose();
    }
  }

  onVerify(
    chain: string,
    verify: (kept: AuditCheckpoint | undefined) => Promise<AuditVerification>,
  ): () => void {
    const connection = this.#actors.connect("auditChain", [keyPart(chain)], { isNode: true });
    connection.on("verify", ({ id, kept }: VerifyRequest) => {
      const reported = verify(kept ?? undefined).then((result) =>
        this.#call(chain, "report", { id, result }),
      );
      this.#actors.background(reported, "a verification of the audit log could not be reported");
    });
    return () => this.#actors.background(connection.dispose(), "a connection could not be closed");
  }
}

import type {
  Approval,
  ApprovalDecision,
  ApprovalFilter,
  ApprovalQuestion,
  PolicyRule,
  SharedApprovals,
  SharedRules,
  SharedTaint,
} from "@holdfast/gate";
import type { ApprovalPage } from "../approvals.ts";
import { type GateActors, repeatOnce } from "./calls.ts";

export class ActorTaint implements SharedTaint {
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

export class ActorRules implements SharedRules {
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

export class ActorApprovals implements SharedApprovals {
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

import { type ActorKv, actor, event } from "@holdfast/actors";
import type { Clock } from "@holdfast/core";
import {
  type Approval,
  ApprovalBook,
  type ApprovalDecision,
  type ApprovalFilter,
  type ApprovalQuestion,
  type ApprovalRecords,
  approvalLimits,
  isOpenApproval,
} from "@holdfast/gate";

/** Some records, oldest first. */
export interface ApprovalPage {
  readonly records: readonly Approval[];
  /** The id after which the next page begins; null after the last one. */
  readonly next: string | null;
}

export interface ApprovalsState {
  version: 1;
  /** Number of records that are kept. */
  records: number;
}

/** Records of a page. The text of the largest has 48 KiB: a page stays below the limit of an answer. */
const pageRecords = 16;
/** Records that are removed at once, when there are that many more than are kept. */
const removedAtOnce = 256;

const recordKey = (id: string) => `r/${id}`;
/** Present while a record is active: the others are read only when somebody asks for them. */
const activeKey = (id: string) => `a/${id}`;

/** A stored record, with the version of its format. */
type StoredApproval = Approval & { readonly version: 1 };

/**
 * Active records in memory, in the order in which they were made: pending and allowed ones, and denials, which may still
 * hold. What is saved commits with the action.
 */
export class ActiveRecords implements ApprovalRecords {
  readonly #records = new Map<string, Approval>();
  /** A settled record that somebody asks for. */
  #settled: Approval | undefined;

  /** Set for the time of an action. */
  kv: Pick<ActorKv, "put" | "delete"> | undefined;

  async load(kv: Pick<ActorKv, "list" | "get">): Promise<void> {
    for (const [key] of await kv.list("a/")) {
      const record = parse(await kv.get(recordKey(key.slice(2))));
      if (record !== undefined) this.#records.set(record.id, record);
    }
  }

  /** Makes `get` find this record, whether it is active or settled. */
  async find(kv: Pick<ActorKv, "get">, id: string): Promise<void> {
    this.#settled = this.#records.has(id) ? undefined : parse(await kv.get(recordKey(id)));
  }

  get all(): readonly Approval[] {
    return [...this.#records.values()];
  }

  get(id: string): Approval | undefined {
    return this.#records.get(id) ?? (this.#settled?.id === id ? this.#settled : undefined);
  }

  isActive(id: string): boolean {
    return this.#records.has(id);
  }

  open(binding: string): Approval | undefined {
    return this.all.find((record) => record.binding === binding && isOpenApproval(record));
  }

  denied(binding: string): Approval | undefined {
    return this.all.findLast((record) => record.binding === binding && record.state === "denied");
  }

  openOf(session: string): readonly Approval[] {
    return this.all.filter((record) => record.session === session && isOpenApproval(record));
  }

  pending(session: string): { readonly own: number; readonly total: number } {
    const pending = this.all.filter(({ state }) => state === "pending");
    return { own: pending.filter((record) => record.session === session).length, total: pending.length };
  }

  save(record: Approval): void {
    const { kv } = this;
    if (kv === undefined) throw new Error("Approvals are saved outside an action");
    const stored: StoredApproval = { version: 1, ...record };
    void kv.put(recordKey(record.id), JSON.stringify(stored));
    if (!isOpenApproval(record) && record.state !== "denied") return this.#deactivate(kv, record.id);
    if (!this.#records.has(record.id)) void kv.put(activeKey(record.id), "");
    this.#records.set(record.id, record);
  }

  /** Keeps denials in memory only while they hold. */
  prune(holds: (record: Approval) => boolean): void {
    const { kv } = this;
    if (kv === undefined) return;
    for (const record of this.all) {
      if (record.state === "denied" && !holds(record)) this.#deactivate(kv, record.id);
    }
  }

  #deactivate(kv: Pick<ActorKv, "delete">, id: string): void {
    this.#records.delete(id);
    void kv.delete(activeKey(id));
  }
}

function parse(text: string | null): Approval | undefined {
  if (text === null) return undefined;
  const { version: _version, ...record } = JSON.parse(text) as StoredApproval;
  return record;
}

/** What an action has of its context. */
interface ActionContext {
  readonly state: ApprovalsState;
  readonly kv: ActorKv;
  readonly vars: { readonly records: ActiveRecords };
  broadcast(name: "changed", id: string): void;
}

/** The approvals of all nodes, by the same rules as those of one gate. */
export function createApprovalsActor({ clock }: { readonly clock: Clock }) {
  /** The rules over the records; their changes are told to all nodes. */
  const bookOf = (c: ActionContext): ApprovalBook => {
    const { records } = c.vars;
    records.kv = c.kv;
    return new ApprovalBook(records, clock, ({ id }) => c.broadcast("changed", id));
  };
  return actor({
    createState: (): ApprovalsState => ({ version: 1, records: 0 }),
    createVars: () => ({ records: new ActiveRecords() }),
    events: { changed: event<string>() },
    onWake: (c) => c.vars.records.load(c.kv),
    // The records in memory and the stored ones change together.
    options: { name: "Approvals", concurrency: "serial" },
    actions: {
      internal: {
        /** Throws `approval.too_many`. */
        async request(c, question: ApprovalQuestion): Promise<Approval> {
          await removeOldest(c);
          const book = bookOf(c);
          c.vars.records.prune((record) => book.holdsDenial(record));
          const { record, isNew } = book.request(question);
          if (isNew) c.state.records += 1;
          return record;
        },

        async get(c, id: string): Promise<Approval | null> {
          await c.vars.records.find(c.kv, id);
          return bookOf(c).get(id) ?? null;
        },

        async list(c, filter: ApprovalFilter, after: string | null): Promise<ApprovalPage> {
          const { session, state } = filter;
          const book = bookOf(c);
          const isListed = (record: Approval) =>
            (session === undefined || record.session === session) &&
            (state === undefined || record.state === state);
          const page = await readPage(c, state === "pending" || state === "allowed", after);
          const records = page.records.map((record) => book.get(record.id) ?? record).filter(isListed);
          return { ...page, records };
        },

        async decide(c, id: string, decision: ApprovalDecision, by: string): Promise<Approval> {
          await c.vars.records.find(c.kv, id);
          return bookOf(c).decide(id, decision, by);
        },

        async consume(c, id: string, binding: string): Promise<Approval> {
          await c.vars.records.find(c.kv, id);
          return bookOf(c).consume(id, binding);
        },

        cancelSession: (c, session: string): number => bookOf(c).cancelSession(session),
      },
    },
  });
}

async function readPage(c: ActionContext, isActive: boolean, after: string | null): Promise<ApprovalPage> {
  const records = isActive
    ? c.vars.records.all.filter(({ id }) => after === null || id > after).slice(0, pageRecords)
    : (await c.kv.listRange(after === null ? "r/" : `${recordKey(after)}\0`, "r0", { limit: pageRecords }))
        .map(([, text]) => parse(text))
        .filter((record) => record !== undefined);
  return { records, next: records.length < pageRecords ? null : (records.at(-1)?.id ?? null) };
}

/** Removes the oldest records that are settled, once there are too many. */
async function removeOldest(c: ActionContext): Promise<void> {
  const most = approvalLimits.maxSettled + approvalLimits.maxPending + removedAtOnce;
  if (c.state.records < most) return;
  const oldest = await c.kv.list("r/", { limit: approvalLimits.maxPending + removedAtOnce });
  const settled = oldest
    .map(([key]) => key)
    .filter((key) => !c.vars.records.isActive(key.slice(2)))
    .slice(0, removedAtOnce);
  await c.kv.batchDelete(settled);
  c.state.records -= settled.length;
}

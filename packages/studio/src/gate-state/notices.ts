import { randomUUID } from "node:crypto";
import { type ActorKv, actor, type ScheduledFireInfo } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { SharedPluginAnswer, SharedPluginCall, SharedPluginHost } from "@holdfast/gate";
import { ToolError, type ToolInvocationResult } from "@holdfast/gate/plugin";
import {
  afterFailure,
  listResult,
  type Notice,
  outboxLimits,
  parseList,
  parseNotice,
  retryDelayMs,
  tooManyNotices,
  waitMs,
} from "@holdfast/plugins/notify";
import { Alarm, type AlarmContext, type AlarmState, goOn, newAlarm, putOff } from "./alarm.ts";
import { type EarlierRows, takeOnce } from "./earlier-data/earlier-rows.ts";
import { answerOf } from "./tool-answers.ts";

/** A stored notice, with the version of its format. */
interface StoredNotice extends Notice {
  readonly version: 1;
  readonly seq: number;
}

export interface NoticesState extends AlarmState {
  version: 1;
  /** Number of the next notice. */
  next: number;
  /** When the newest notices were sent, as many as the limits look at, newest last. */
  times: number[];
}

/** Deliveries of one alarm. Each takes at most ten seconds; the others follow with the next alarm, at once. */
const deliveriesAtOnce = 12;
/** Notices that a list reads at once. */
const pageNotices = 100;

const noticeKey = (seq: number) => `n/${String(seq).padStart(16, "0")}`;
/** Present while a notice waits: the others are read only when somebody asks for them. */
const waitingKey = (seq: number) => `w/${String(seq).padStart(16, "0")}`;

/** The notices of a group: those that wait are in memory. What changes is stored with the action. */
export class GroupNotices {
  readonly #waiting = new Map<number, StoredNotice>();
  readonly alarm = new Alarm(() => this.nextDue?.nextAt);
  /** Whether the operator configured a way to deliver; undefined until the plugin's process has said so. */
  isDelivered: boolean | undefined;

  async load(kv: Pick<ActorKv, "list" | "get">): Promise<void> {
    for (const [key] of await kv.list("w/")) {
      const text = await kv.get(`n/${key.slice(2)}`);
      if (text === null) continue;
      const notice = JSON.parse(text) as StoredNotice;
      this.#waiting.set(notice.seq, notice);
    }
  }

  /** The one whose delivery is due first. */
  get nextDue(): StoredNotice | undefined {
    return [...this.#waiting.values()].sort((a, b) => a.nextAt - b.nextAt || a.seq - b.seq)[0];
  }

  /** Stores a notice. Of those that do not wait, the newest are kept. All writes begin at once. */
  put(kv: Pick<ActorKv, "put" | "delete">, notice: StoredNotice, next: number): Promise<unknown> {
    const { seq, state } = notice;
    const writes: Promise<void>[] = [];
    if (state === "waiting") {
      this.#waiting.set(seq, notice);
      writes.push(kv.put(waitingKey(seq), ""));
    } else if (this.#waiting.delete(seq)) writes.push(kv.delete(waitingKey(seq)));
    const oldest = next - outboxLimits.perGroup;
    if (state !== "waiting" && seq < oldest) writes.push(kv.delete(noticeKey(seq)));
    else writes.push(kv.put(noticeKey(seq), JSON.stringify(notice)));
    if (oldest > 0 && !this.#waiting.has(oldest - 1)) writes.push(kv.delete(noticeKey(oldest - 1)));
    return Promise.all(writes);
  }

  /** Newest first. */
  async list(kv: Pick<ActorKv, "listRange">, state: string | undefined, limit: number): Promise<Notice[]> {
    const found: StoredNotice[] = [];
    for (let end = "n0"; found.length < limit; ) {
      const page = await kv.listRange("n/", end, { reverse: true, limit: pageNotices });
      const notices = page.map(([, text]) => JSON.parse(text) as StoredNotice);
      found.push(...notices.filter((each) => state === undefined || each.state === state));
      const last = notices.at(-1);
      if (last === undefined || page.length < pageNotices) break;
      end = noticeKey(last.seq);
    }
    return found.slice(0, limit);
  }
}

/** What an action has of its context. */
interface NoticesContext extends AlarmContext {
  readonly state: NoticesState;
  readonly kv: ActorKv;
  readonly vars: { readonly notices: GroupNotices };
  readonly log: { warn(message: string, fields?: object): void };
  waitUntil(promise: Promise<unknown>): void;
}

type Arguments = SharedPluginCall["arguments"];

/** Asks the plugin's process. Rejects if it cannot answer. */
async function ask(gate: SharedPluginHost, name: string, group: string, args: Arguments) {
  const answer = await gate.perform("notify", { name, group, arguments: args });
  if (answer.type === "error") throw new Error(answer.error.message);
  return Object(answer.result) as { readonly configured?: boolean; readonly problem?: string };
}

/** Adds notices that a node had before it was in a cluster. Those that wait are delivered. */
async function takeOver(c: NoticesContext, request: EarlierRows<Notice>): Promise<number> {
  const { notices } = c.vars;
  const position = await takeOnce(c.kv, request, (rows) =>
    rows.map((row) => {
      const seq = c.state.next;
      c.state.next += 1;
      const times = [...c.state.times, row.at].sort((a, b) => a - b);
      c.state.times = times.slice(-outboxLimits.perDay);
      return notices.put(c.kv, { version: 1, seq, ...row }, c.state.next);
    }),
  );
  await notices.alarm.set(c);
  return position;
}

/**
 * The notices of one group, the same at every node: the notify plugin's outbox. The plugin's process at the node that runs
 * this actor delivers them, at least once and in order of their due times.
 */
export function createNoticesActor({ clock }: Pick<Ports, "clock">, gate: SharedPluginHost) {
  /** Whether notices are delivered. While the plugin's process does not say so, they wait for it. */
  const isDelivered = async (c: NoticesContext, group: string): Promise<boolean> => {
    const { notices } = c.vars;
    if (notices.isDelivered === undefined)
      try {
        notices.isDelivered = (await ask(gate, "notify_channel", group, {})).configured === true;
      } catch (error) {
        c.log.warn("the notify plugin does not say whether notices are delivered", { group, error });
        return true;
      }
    return notices.isDelivered;
  };

  const send = async (
    c: NoticesContext,
    { arguments: args, context }: SharedPluginCall,
  ): Promise<ToolInvocationResult> => {
    const { notices } = c.vars;
    const { group } = context;
    const text = parseNotice(args, context);
    const state = (await isDelivered(c, group)) ? "waiting" : "kept";
    // From here to the first change nothing is awaited: calls at once are counted one after the other.
    const now = clock.now();
    const delayMs = waitMs((count) => c.state.times.at(-count), now);
    if (delayMs > 0) throw tooManyNotices(delayMs);
    c.state.times = [...c.state.times, now].slice(-outboxLimits.perDay);
    const seq = c.state.next;
    c.state.next += 1;
    const notice: StoredNotice = {
      ...{ version: 1, seq, id: randomUUID(), group, ...text, at: now, state },
      ...{ attempts: 0, nextAt: now, problem: null },
    };
    await notices.put(c.kv, notice, c.state.next);
    await notices.alarm.set(c);
    const { id, title } = notice;
    // For listeners and other plugins of this node. What is stored counts, so a failure is only told.
    const published = gate.publish("notify", { topic: "notice.added", group, payload: { id, title, state } });
    c.waitUntil(
      published.catch((error: unknown) =>
        c.log.warn("the event of a notice was not taken", { group, error }),
      ),
    );
    return { ok: true, result: { id, state } };
  };

  const call = async (c: NoticesContext, request: SharedPluginCall): Promise<ToolInvocationResult> => {
    switch (request.tool) {
      case "notify_send":
        return send(c, request);
      case "notify_list": {
        const { state, limit } = parseList(request.arguments);
        return listResult(await c.vars.notices.list(c.kv, state, limit));
      }
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: `Unknown tool: "${request.tool}"` });
    }
  };

  /** Delivers what is due until the plugin's process cannot be asked. */
  const deliverDue = async (c: NoticesContext, now: number): Promise<void> => {
    const { notices } = c.vars;
    for (let count = 0; count < deliveriesAtOnce; count++) {
      const notice = notices.nextDue;
      if (notice === undefined || notice.nextAt > now) return;
      const { id, group, title, text, urgency, tainted, at } = notice;
      let outcome: Notice;
      try {
        const body = { id, group, title, text, urgency, tainted, at };
        const { configured, problem } = await ask(gate, "notify_deliver", group, { notice: body });
        if (configured !== true) outcome = { ...notice, state: "kept" };
        else if (problem !== undefined) outcome = afterFailure(notice, problem, now);
        else outcome = { ...notice, state: "sent", attempts: notice.attempts + 1, problem: null };
      } catch (error) {
        // It is no failed delivery: the process, or its gate, could not be asked.
        const delayMs = retryDelayMs(c.state.failures);
        c.log.warn("notices could not be delivered; retrying", { group, delayMs, error });
        putOff(c, now, delayMs);
        return;
      }
      goOn(c);
      await notices.put(c.kv, { ...notice, ...outcome }, c.state.next);
      await c.saveState();
    }
  };

  return actor({
    createState: (): NoticesState => ({ version: 1, next: 1, times: [], ...newAlarm() }),
    createVars: () => ({ notices: new GroupNotices() }),
    onWake: async (c) => {
      await c.vars.notices.load(c.kv);
      await c.vars.notices.alarm.restore(c);
    },
    options: { name: "Notices", actionTimeout: 180_000 },
    actions: {
      internal: {
        invoke: (c, request: SharedPluginCall): Promise<SharedPluginAnswer> =>
          answerOf(() => call(c, request)),
        verify: (): void => {},
        takeOver: (c, _group: string, request: EarlierRows<Notice>): Promise<number> => takeOver(c, request),
        /** Runs at the time of the alarm, by the clock of the store. */
        due: (c, { firedAt }: ScheduledFireInfo): Promise<void> =>
          c.vars.notices.alarm.ring(c, firedAt, () => deliverDue(c, firedAt)),
      },
    },
  });
}

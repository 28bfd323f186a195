/** Tasks without agents, with the inboxes of their people: the test plays the runner. */
import { actor } from "@holdfast/actors";
import type { ClientBase } from "@holdfast/client";
import { systemPorts, uuidv4 } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import type { BackendHost } from "../../src/backend/host.ts";
import { createAttentionActor } from "../../src/backend/inbox/attention.ts";
import { createInboxActor } from "../../src/backend/inbox/inbox.ts";
import { createNotificationsActor } from "../../src/backend/notifications/actor.ts";
import { readAnswerToken } from "../../src/backend/notifications/answer-tokens.ts";
import type { NotificationPort } from "../../src/backend/notifications/port.ts";
import { createTaskActor } from "../../src/backend/task.ts";
import type { TaskInput } from "../../src/backend/task-state.ts";
import type { TaskReport } from "../../src/backend/turns/reports.ts";
import type { TaskWork } from "../../src/backend/turns/work.ts";
import { LocalValueTokens } from "../../src/backend/value-tokens.ts";
import type {
  ApprovalView,
  AttentionActions,
  InboxActions,
  InboxPage,
  InboxView,
  NotificationActions,
  TaskActions,
} from "../../src/contract.ts";

/** A person whose calls a host sees, and the time. */
export interface World {
  person: string;
  now: () => number;
  /** Takes what the actors record. */
  audit?: (entry: AuditEntry) => void;
}

/** Ways out that lead nowhere. */
export const noNotifications: NotificationPort = {
  hasMail: false,
  pushKey: async () => "",
  standing: async () => ({ mayRead: true, mayAnswer: true, email: null }),
  mentioned: async () => [],
  send: async () => ({ isDelivered: true }),
  checkAddress: async () => {},
  storeSecret: async () => {},
  deleteSecret: async () => {},
};

/** The actors, on a host without agents. Answers to approvals are always delivered. */
export function inboxActors(world: World, notifications: NotificationPort = noNotifications) {
  const ports = { ...systemPorts(), clock: { ...systemPorts().clock, now: () => world.now() } };
  const valueTokens = new LocalValueTokens(() => uuidv4(ports.random));
  const host = {
    ...{ ports, valueTokens, unsafe: false, runsWithActor: false, place: { id: "here" } },
    ...{ runs: () => false, stop: async () => {}, release: async () => {}, watchQuestion: () => {} },
    ...{ isAwaitingAnswer: async () => true, deliverAnswer: async () => true, requireBudget: async () => {} },
    filesSize: async () => ({ bytes: 0, isComplete: true }),
    restoreFiles: async () => {},
    ...{ notifications, audit: async (entry: AuditEntry) => world.audit?.(entry) },
    personOf: async () => ({ id: world.person, name: world.person.toUpperCase(), isOperator: false }),
  } as unknown as BackendHost;
  const organization = actor({
    state: {},
    actions: { internal: { wake: () => 1, taskChanged: () => {}, addText: () => 0 } },
  });
  const session = actor({
    state: {},
    actions: {
      events: () => ({ events: [], head: 0 }),
      internal: { size: () => 0, erase: (c) => c.destroy() },
    },
  });
  const actors = {
    ...{ organization, session },
    task: createTaskActor(host),
    attention: createAttentionActor(host),
    inbox: createInboxActor(host),
    notifications: createNotificationsActor(host),
  };
  return { actors, valueTokens };
}

/** What a test does with the actors of {@link inboxActors}. */
export class Inboxes {
  readonly #client: ClientBase;
  readonly #valueTokens: LocalValueTokens;

  constructor(client: ClientBase, valueTokens: LocalValueTokens) {
    this.#client = client;
    this.#valueTokens = valueTokens;
  }

  /** Creates a task, with `createdBy` and more. */
  async create(id: string, more: Partial<TaskInput> = {}): Promise<void> {
    await this.#client.getOrCreate("organization", ["local"]).resolve();
    await this.#client.getOrCreate("session", [`s-${id}`]).resolve();
    const input: TaskInput = {
      ...{ taskId: id, sessionId: `s-${id}`, title: `Task ${id}`, repository: "/r", agent: "demo" },
      ...{ prompt: "do it", unsafe: false, createdAt: 1, ...more },
    };
    const token = this.#valueTokens.put(input);
    await this.#client.getOrCreate("task", [id], { createWithInput: { token } }).resolve();
  }

  task(id: string): TaskActions {
    return this.#client.get("task", [id]) as unknown as TaskActions;
  }

  inbox(person: string): InboxActions {
    return this.#client.getOrCreate("inbox", [person]) as unknown as InboxActions;
  }

  notifications(person: string): NotificationActions {
    return this.#client.getOrCreate("notifications", [person]) as unknown as NotificationActions;
  }

  /** Answers an approval by the token of a notification. */
  answer(token: string, isAllowed: boolean): Promise<{ readonly taskId: string }> {
    const { key, hash } = readAnswerToken(token);
    const actor = this.#client.get("notifications", key);
    return actor.action({ name: "internal.answer", args: [hash, isAllowed] });
  }

  get attention(): AttentionActions {
    return this.#client.getOrCreate("attention", ["local"]) as unknown as AttentionActions;
  }

  /** Begins the work on a new task, as its organization does. */
  begin(id: string): Promise<void> {
    return this.#internal(id, "begin");
  }

  /** Takes the next prompt of a task, as a runner does. */
  async next(id: string): Promise<TaskWork> {
    const work = await this.#internal<TaskWork | null>(id, "next");
    if (work === null) throw new Error("the task has no prompt");
    return work;
  }

  report(id: string, report: TaskReport): Promise<void> {
    return this.#internal(id, "report", report);
  }

  /** Runs the next prompt of a task to its end. */
  async finish(id: string, end: "turn-ended" | "failed" = "turn-ended"): Promise<void> {
    const { prompt } = await this.next(id);
    const error = { group: "agent", code: "exited", message: "It ended" };
    await this.report(
      id,
      end === "failed" ? { type: end, promptId: prompt.id, error } : { type: end, promptId: prompt.id },
    );
  }

  ask(id: string, approvalId: string): Promise<void> {
    return this.report(id, { type: "approval-requested", approval: question(approvalId) });
  }

  erase(id: string): Promise<void> {
    return this.#internal(id, "erase");
  }

  /** Entries of a view as short texts, the latest first: kind, text, and marks for unread and working ones. */
  async texts(person: string, view: InboxView = "open"): Promise<readonly string[]> {
    return textsOf(await this.inbox(person).list({ view }));
  }

  #internal<Result>(id: string, name: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#client.get("task", [id]).action<Result>({ name: `internal.${name}`, args });
  }
}

function textsOf({ entries }: InboxPage): readonly string[] {
  return entries.map(
    ({ kind, task, text, isUnread, isWorking }) =>
      `${isUnread ? "*" : ""}${kind} ${task?.id}${text === "" ? "" : `: ${text}`}${isWorking ? " (working)" : ""}`,
  );
}

export function question(id: string): ApprovalView {
  return {
    ...{ id, title: `Question ${id}`, detail: "rm -rf build", truncated: false },
    options: [
      { id: "yes", name: "Allow", kind: "allow_once" },
      { id: "no", name: "Deny", kind: "reject_once" },
    ],
    ...{ createdAt: 1, expiresAt: Number.MAX_SAFE_INTEGER },
  };
}

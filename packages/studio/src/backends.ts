import type { ClientBase } from "@holdfast/client";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { Handover } from "./backend/handover.ts";
import type { TaskWork } from "./backend/task-state.ts";
import type { GroupEventAccepted } from "./contract.ts";
import type { AcceptEvent } from "./groups/group-inbox.ts";
import type { AccessBackend } from "./http/access.ts";
import type { SessionBackend, TaskBackend } from "./work/backend.ts";

/** Calls the actors' internal actions for the surrounding process, over the in-process client. */
export class StudioBackends {
  #client: ClientBase | undefined;
  #handover: Handover | undefined;

  /** Breaks the dependency cycle: the actors need a host, and the host calls the actors. */
  attach(client: ClientBase, handover: Handover): void {
    this.#client = client;
    this.#handover = handover;
  }

  readonly access: AccessBackend = {
    addTicket: (ticket) => this.#access("addTicket", ticket),
    exchange: (ticket, login) => this.#access("exchange", ticket, login),
    check: (login) => this.#access("check", login),
    end: (login) => this.#access("end", login),
  };

  task(taskId: string): TaskBackend {
    return {
      next: async () => (await this.#task<TaskWork | null>(taskId, "next")) ?? undefined,
      report: (report) => this.#task(taskId, "report", report),
    };
  }

  session(sessionId: string): SessionBackend {
    const call = <Result>(name: string, ...args: unknown[]) =>
      this.#connected.client.get("session", [sessionId]).action<Result>({ name, args });
    return {
      append: async (batch) => {
        const { handover } = this.#connected;
        const token = handover.put(batch);
        try {
          return await call<number>("internal.append", token);
        } finally {
          handover.drop(token);
        }
      },
      hasRecord: (dedupeKey) => call("internal.has", dedupeKey),
      wasPrompted: () => call("internal.prompted"),
      size: () => call("internal.size"),
      events: (query) => call("events", query),
    };
  }

  /** Passes an event to its group; durable when it resolves. */
  readonly acceptEvent: AcceptEvent = async (group, event) => {
    const { handover } = this.#connected;
    const token = handover.put(event);
    try {
      return await this.#group<GroupEventAccepted>(group, "accept", token);
    } finally {
      handover.drop(token);
    }
  };

  /** Resumes the tasks that were active when the last process ended. A failure does not affect the other tasks. */
  async recoverTasks(log: Logger): Promise<void> {
    const organization = this.#connected.client.getOrCreate("organization", ["local"]);
    const ids = await organization.action<readonly string[]>({ name: "internal.recover", args: [] });
    for (const taskId of ids) {
      await this.#task(taskId, "recover").catch((error: unknown) => {
        log.error("could not resume a task", { taskId, error });
      });
    }
  }

  /** Resumes the event queue of each group. */
  async recoverGroups(names: readonly string[], log: Logger): Promise<void> {
    for (const group of names) {
      await this.#group(group, "recover").catch((error: unknown) => {
        log.error("could not resume a group", { group, error });
      });
    }
  }

  #group<Result>(group: string, name: string, ...args: unknown[]): Promise<Result> {
    const handle = this.#connected.client.getOrCreate("group", [group]);
    return handle.action<Result>({ name: `internal.${name}`, args });
  }

  #task<Result>(taskId: string, name: string, ...args: unknown[]): Promise<Result> {
    return this.#connected.client.get("task", [taskId]).action<Result>({ name: `internal.${name}`, args });
  }

  #access<Result>(name: string, ...args: unknown[]): Promise<Result> {
    const access = this.#connected.client.getOrCreate("access", ["local"]);
    return access.action<Result>({ name: `internal.${name}`, args });
  }

  get #connected(): { readonly client: ClientBase; readonly handover: Handover } {
    if (this.#client === undefined || this.#handover === undefined) {
      throw new HoldfastError("studio", "not_started", "The Studio has not started yet");
    }
    return { client: this.#client, handover: this.#handover };
  }
}

import type { EgressCall, EgressUsage } from "@holdfast/gate";
import { organizationOfId } from "../access/organization-ids.ts";
import type { TaskWork } from "../backend/turns/work.ts";
import type { UsageSubject } from "../backend/usage/entry.ts";
import type { UsageMeter } from "./meter.ts";

/** What one task uses, as its runner notes it. */
export type TaskUsageNotes = Pick<TaskUsageMeter, "beginTurn" | "beforeCall" | "afterCall" | "startSandbox">;

/** Meters one task: whatever its agent uses belongs to whoever sent the prompt that it works on, or the last one. */
export class TaskUsageMeter {
  readonly #meter: UsageMeter;
  /** Whose the running calls are: a call may outlast its turn. */
  readonly #calls = new Map<string, UsageSubject>();
  #subject: UsageSubject | undefined;

  constructor(meter: UsageMeter) {
    this.#meter = meter;
  }

  /** Begins a turn. Throws `budget.exceeded`. */
  async beginTurn(work: TaskWork): Promise<void> {
    const subject = subjectOf(work);
    await this.#meter.requireBudget(subject, organizationOfId(subject.task));
    this.#subject = subject;
    this.#meter.turn(work.prompt.id, subject);
  }

  /** Throws `budget.exceeded`. */
  async beforeCall(call: EgressCall): Promise<void> {
    const subject = this.#required;
    await this.#meter.beforeCall(call, subject);
    this.#calls.set(call.id, subject);
  }

  afterCall(call: EgressCall, usage: EgressUsage | undefined): void {
    const subject = this.#calls.get(call.id);
    this.#calls.delete(call.id);
    if (subject !== undefined) this.#meter.afterCall(call, usage, subject);
  }

  /** Notes a sandbox that has started. Call the function that is returned when it has ended. */
  startSandbox(id: string): () => void {
    return this.#meter.sandbox(id, this.#required);
  }

  get #required(): UsageSubject {
    if (this.#subject === undefined) throw new Error("no turn has begun");
    return this.#subject;
  }
}

function subjectOf({ taskId, title, sessionId, agent, repository, prompt }: TaskWork): UsageSubject {
  const { id, name } = prompt.by;
  return { person: id, personName: name, task: taskId, title, session: sessionId, agent, repository };
}

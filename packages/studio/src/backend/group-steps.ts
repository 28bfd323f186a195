import { HoldfastError, isHoldfastError, uuidv7 } from "@holdfast/core";
import { localOrganization } from "../access/organization-ids.ts";
import type { GroupEventAccepted, GroupEventView, TaskError } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import {
  type EventRecord,
  type EventStore,
  eventKey,
  type GroupEvent,
  type GroupState,
  idKey,
  type RunningEvent,
  readEvent,
} from "./group-state.ts";
import type { BackendHost } from "./host.ts";
import { titleOf } from "./task-state.ts";

/** The part of the actor context that the steps use. */
export interface GroupContext {
  readonly key: readonly string[];
  readonly state: GroupState;
  readonly kv: EventStore;
  readonly broadcast: (name: "changed", view: GroupEventView) => void;
  client(): {
    get(name: string, key: string[]): { action<Result>(options: CallOptions): Promise<Result> };
  };
  saveState(): Promise<void>;
  readonly schedule: { after(ms: number, action: string): Promise<string> };
}

interface CallOptions {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** State of a prompt; null if the task has no record of it. */
type PromptEnd = "queued" | "sent" | "done" | "failed" | "cancelled" | null;

const transientTaskErrors: ReadonlySet<string> = new Set(["stopping", "queue_full", "server_closing"]);

/** True for an error that a retry cannot fix. */
function isFinal(error: unknown): boolean {
  if (!isHoldfastError(error)) return false;
  const { group, code } = error;
  if (group === "task") return !transientTaskErrors.has(code);
  return ["actor.not_found", "group.event_lost", "repository.invalid_path"].includes(`${group}.${code}`);
}

function toTaskError(error: unknown): TaskError {
  if (isHoldfastError(error)) {
    const { group, code, message } = error;
    return { group, code, message };
  }
  return {
    group: "group",
    code: "cannot_begin",
    message: "The event could not be started. See the server log for the cause.",
  };
}

/** Exponential backoff: from two seconds up to a quarter of an hour. */
function retryDelay(attempts: number): number {
  return Math.min(studioLimits.beginRetryMs * 4 ** (attempts - 1), studioLimits.maxBeginRetryMs);
}

/**
 * The steps of a group's event queue. Each event is accepted once, waits in order, and starts one turn; turns run one
 * at a time. The ids of the turn are persisted before it starts, and starting is idempotent: a crash at any point
 * neither loses an event nor runs it twice.
 */
export class GroupSteps {
  readonly #host: BackendHost;

  constructor(host: BackendHost) {
    this.#host = host;
  }

  /** Enqueues an event; durable when it returns. Throws `group.queue_full`. */
  async accept(c: GroupContext, event: GroupEvent): Promise<GroupEventAccepted> {
    const knownSeq = await c.kv.get(idKey(event.id));
    const duplicate = knownSeq === null ? undefined : await readEvent(c.kv, Number(knownSeq));
    if (duplicate !== undefined) return { ...duplicate.view, duplicate: true };
    const { maxWaitingEvents, maxKeptEvents } = studioLimits;
    if (c.state.waiting.length >= maxWaitingEvents) {
      const message = `${maxWaitingEvents} events of this group are already waiting. Try again when some have finished.`;
      throw new HoldfastError("group", "queue_full", message, { statusCode: 429 });
    }
    const old = c.state.next - maxKeptEvents;
    const evicted = old > 0 ? await readEvent(c.kv, old) : undefined;
    const seq = c.state.next;
    const view: GroupEventView = {
      ...{ id: event.id, seq, topic: event.topic, source: event.source },
      title: titleOf(event.text),
      state: "waiting",
      tainted: event.taint !== undefined,
      receivedAt: this.#now(),
    };
    // One commit: no await between these changes.
    c.state.next += 1;
    c.state.waiting.push(seq);
    const writes = [this.#write(c, { view, event }), c.kv.put(idKey(event.id), String(seq))];
    if (evicted !== undefined) writes.push(c.kv.delete(eventKey(old)), c.kv.delete(idKey(evicted.view.id)));
    await Promise.all(writes);
    await c.saveState();
    return { ...view, duplicate: false };
  }

  /**
   * Starts the next event if none is in progress, and checks whether the one in progress has finished. An event that
   * failed to start stays at the head of the queue until its retry time, unless `retryNow` is set. If this host does
   * not start events, a started one can still finish.
   */
  async advance(c: GroupContext, retryNow = false): Promise<void> {
    for (let retry = retryNow; ; retry = false) {
      const { startsEvents } = this.#host;
      const running = c.state.running ?? (startsEvents ? await this.#takeNext(c) : undefined);
      if (running === undefined || !(running.begun || startsEvents)) return;
      if (!running.begun && !retry && (running.retryAt ?? 0) > this.#now()) return;
      try {
        if (!running.begun) await this.#start(c, running);
        const end = await this.#promptEnd(c, running);
        if (end === "queued" || end === "sent") return;
        await this.#finish(c, running, end);
      } catch (error) {
        const final = isFinal(error);
        if (running.begun && !final) throw error;
        if (!running.begun) this.#host.ports.log.warn("could not start an event", { group: c.key[0], error });
        const attempts = (running.attempts ?? 0) + 1;
        if (!final && attempts < studioLimits.maxBeginAttempts)
          return this.#scheduleRetry(c, { ...running, attempts }, error);
        await this.#finish(c, { ...running, attempts }, "failed", toTaskError(error));
      }
    }
  }

  /** Leaves the event at the head of the queue and schedules a durable retry. */
  async #scheduleRetry(c: GroupContext, running: RunningEvent & { attempts: number }, error: unknown) {
    const delay = retryDelay(running.attempts);
    const retryAt = this.#now() + delay;
    const problem = toTaskError(error);
    const record = await readEvent(c.kv, running.seq);
    c.state.running = { ...running, retryAt };
    if (record !== undefined) {
      const view = { ...record.view, error: problem, attempts: running.attempts, retryAt };
      await this.#write(c, { ...record, view });
    }
    await c.schedule.after(delay, "internal.retry");
    await c.saveState();
    await this.#audit(c, "group.event_retried", running, { ...problem, retryAt });
  }

  /** Records a failed start in the audit log. Omits `message`, which may contain paths. */
  #audit(
    c: GroupContext,
    type: string,
    { seq, attempts }: RunningEvent,
    problem: TaskError & { retryAt?: number },
  ) {
    const { group, code, retryAt } = problem;
    return this.#host.audit({
      type,
      data: {
        ...{ group: c.key[0], event: seq, attempt: attempts, error: `${group}.${code}` },
        ...(retryAt === undefined ? {} : { retryAt }),
      },
    });
  }

  /** Takes the first waiting event and assigns its ids; durable before the turn starts. */
  async #takeNext(c: GroupContext): Promise<RunningEvent | undefined> {
    const seq = c.state.waiting[0];
    if (seq === undefined) return undefined;
    const record = await readEvent(c.kv, seq);
    const session = record?.event === undefined ? undefined : await this.#sessionFor(c, record.event);
    const running: RunningEvent = {
      seq,
      taskId: session?.taskId ?? this.#newId(),
      sessionId: session?.sessionId ?? this.#newId(),
      promptId: this.#newId(),
      resumes: session !== undefined,
      begun: false,
    };
    c.state.waiting.shift();
    c.state.running = running;
    await c.saveState();
    return running;
  }

  /** The session that this event continues; undefined for a new one. */
  async #sessionFor(c: GroupContext, event: GroupEvent) {
    const since = this.#now() - studioLimits.sessionResumeMs;
    const resumable = c.state.sessions.filter(({ usedAt }) => usedAt >= since);
    switch (event.session) {
      case "fresh":
        return undefined;
      case "resume":
        return resumable.at(-1);
      case "explicit": {
        const named = await this.#host.resolveSession(
          event,
          c.state.sessions.map(({ sessionId, startedAt, usedAt }) => ({
            sessionId,
            startedAt,
            usedAt,
            resumable: usedAt >= since,
          })),
        );
        return resumable.find(({ sessionId }) => sessionId === named);
      }
    }
  }

  async #start(c: GroupContext, running: RunningEvent): Promise<void> {
    const record = await readEvent(c.kv, running.seq);
    if (record?.event === undefined)
      throw new HoldfastError("group", "event_lost", "The event's record no longer exists");
    const { view, event } = record;
    const group = c.key[0] ?? "";
    const settings = this.#host.groups.require(group);
    const { taskId, sessionId, promptId, resumes } = running;
    const origin = { group, topic: event.topic, source: event.source, event: running.seq };
    const taint = event.taint === undefined ? {} : { taint: event.taint };
    let fromSeq = view.fromSeq ?? 0;
    if (resumes) {
      const page = { after: 0, limit: 1 };
      if (view.fromSeq === undefined) {
        const { head } = await this.#call<{ head: number }>(c, "session", sessionId, "events", page);
        fromSeq = head;
      }
      const prompt = { id: promptId, text: event.text, origin, ...taint };
      await this.#write(c, { view: { ...view, fromSeq }, event });
      await this.#call(c, "task", taskId, "internal.promptOnce", prompt);
    } else {
      const repository = await this.#host.groupRepository(settings);
      const input = { repository, agent: settings.agent, prompt: event.text };
      const names = { taskId, sessionId, promptId, group, origin, ...taint };
      await this.#call(c, "organization", localOrganization, "internal.createGroupTask", input, names);
    }
    const now = this.#now();
    const { error: _, retryAt: __, ...rest } = view;
    const started = { ...rest, state: "running", taskId, sessionId, fromSeq, startedAt: now } as const;
    running.begun = true;
    c.state.running = { ...running };
    this.#recordSession(c, running, now);
    await this.#write(c, { view: started, event });
    await c.saveState();
  }

  #recordSession(c: GroupContext, { taskId, sessionId }: RunningEvent, now: number): void {
    const existing = c.state.sessions.find((each) => each.taskId === taskId);
    const session = { taskId, sessionId, startedAt: existing?.startedAt ?? now, usedAt: now };
    const others = c.state.sessions.filter((each) => each.taskId !== taskId);
    c.state.sessions = [...others, session].slice(-studioLimits.maxGroupSessions);
  }

  #promptEnd(c: GroupContext, { taskId, promptId }: RunningEvent): Promise<PromptEnd> {
    return this.#call<PromptEnd>(c, "task", taskId, "internal.promptState", promptId);
  }

  async #finish(c: GroupContext, running: RunningEvent, end: PromptEnd, error?: TaskError): Promise<void> {
    const record = await readEvent(c.kv, running.seq);
    c.state.running = undefined;
    if (running.begun) this.#recordSession(c, running, this.#now());
    if (record !== undefined) {
      const state = end === "failed" || end === "cancelled" ? end : "done";
      const { retryAt: _, error: __, ...before } = record.view;
      const view: GroupEventView = {
        ...before,
        state,
        endedAt: this.#now(),
        ...(error === undefined ? {} : { error }),
        ...(running.attempts === undefined ? {} : { attempts: running.attempts }),
      };
      await this.#write(c, { view });
    }
    await c.saveState();
    if (error !== undefined && !running.begun) await this.#audit(c, "group.event_failed", running, error);
  }

  /** Persists the record and broadcasts its view. */
  #write(c: GroupContext, record: EventRecord): Promise<void> {
    const written = c.kv.put(eventKey(record.view.seq), JSON.stringify(record));
    c.broadcast("changed", record.view);
    return written;
  }

  #call<Result>(c: GroupContext, actor: string, key: string, name: string, ...args: unknown[]) {
    return c.client().get(actor, [key]).action<Result>({ name, args });
  }

  #newId(): string {
    return uuidv7(this.#host.ports.clock, this.#host.ports.random);
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}

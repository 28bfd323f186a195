import { actor, event } from "@holdfast/actors";
import { uuidv7 } from "@holdfast/core";
import type { GroupEventAccepted, GroupEventView, GroupView } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import { type GroupEvent, type GroupState, newestEvents, newGroupState } from "./group-state.ts";
import { type GroupContext, GroupSteps } from "./group-steps.ts";
import type { BackendHost } from "./host.ts";
import { requirePrompt, requireText } from "./validate.ts";

export interface GroupVars {
  /** Tail of the mutex that serializes changes of the queue. */
  queueTail: Promise<unknown>;
}

function isEvent(value: unknown): value is GroupEvent {
  return typeof value === "object" && value !== null && "topic" in value && "session" in value;
}

/** A group, keyed by its name: a durable event queue that runs one turn of its agent at a time. */
export function createGroupActor(host: BackendHost) {
  const steps = new GroupSteps(host);
  const serialize = <Result>(vars: GroupVars, change: () => Promise<Result>): Promise<Result> => {
    const turn = vars.queueTail.then(change);
    vars.queueTail = turn.catch(() => undefined);
    return turn;
  };
  const advance = (c: GroupContext & { readonly vars: GroupVars }, retryNow = false): Promise<void> =>
    serialize(c.vars, () => steps.advance(c, retryNow)).catch((error: unknown) => {
      // The queue is durable: the next event, the end of a turn or a restart retries.
      host.ports.log.error("could not advance the queue of a group", { group: c.key[0], error });
    });
  const enqueue = async (
    c: GroupContext & { readonly vars: GroupVars; waitUntil(promise: Promise<unknown>): void },
    event: GroupEvent,
  ): Promise<GroupEventAccepted> => {
    const accepted = await serialize(c.vars, () => steps.accept(c, event));
    c.waitUntil(advance(c));
    return accepted;
  };
  return actor({
    createState: (c): GroupState => {
      host.groups.require(c.key[0] ?? "");
      return newGroupState();
    },
    createVars: (): GroupVars => ({ queueTail: Promise.resolve() }),
    events: { changed: event<GroupEventView>() },
    options: { name: "Group", actionTimeout: 180_000 },
    actions: {
      async get(c): Promise<GroupView> {
        const name = c.key[0] ?? "";
        const { description, agent, session } = host.groups.require(name);
        return {
          ...{ name, description, agent, session },
          waiting: c.state.waiting.length,
          ...(c.state.running === undefined ? {} : { running: c.state.running.seq }),
          events: await newestEvents(c.kv, studioLimits.maxEventsShown),
        };
      },

      /** Enqueues a prompt from the user. Calls with the same `id` count once. */
      async prompt(c, text: string, options?: { readonly id?: string }): Promise<GroupEventAccepted> {
        requirePrompt(text);
        const requestId = options?.id;
        if (requestId !== undefined) requireText(requestId, "id", 200);
        const { session } = host.groups.require(c.key[0] ?? "");
        const id = requestId ?? uuidv7(host.ports.clock, host.ports.random);
        return enqueue(c, {
          ...{ id: `prompt/${id}`, topic: "prompt", source: "prompt", text },
          session: session === "explicit" ? "fresh" : session,
        });
      },

      internal: {
        /** Enqueues an event that the host has validated and passed under a token of {@link BackendHost.valueTokens}. */
        accept: (c, token: string): Promise<GroupEventAccepted> => {
          const taken = host.valueTokens.take(token, isEvent);
          host.groups.require(c.key[0] ?? "");
          return enqueue(c, taken);
        },

        /** Called when a turn of one of the group's tasks may have finished. */
        taskChanged: (c): void => {
          c.waitUntil(advance(c));
        },

        /** A task was deleted: nothing continues its session. */
        forgetTask: (c, taskId: string): void => {
          c.state.sessions = c.state.sessions.filter((session) => session.taskId !== taskId);
        },

        /** Scheduled retry of an event that failed to start. */
        retry: (c): Promise<void> => advance(c, true),

        /** Called after a server start. */
        recover: (c): void => {
          c.waitUntil(advance(c));
        },
      },
    },
  });
}

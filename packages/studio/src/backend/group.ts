import { actor, event } from "@holdfast/actors";
import { uuidv7 } from "@holdfast/core";
import type { GroupEventAccepted, GroupEventView, GroupView } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import { type GroupEvent, type GroupState, newestEvents, newGroupState } from "./group-state.ts";
import { type GroupContext, GroupSteps } from "./group-steps.ts";
import type { BackendHost } from "./host.ts";
import { requirePrompt, requireText } from "./validate.ts";

export interface GroupVars {
  /** Changes of the queue, one after the other. */
  changing: Promise<unknown>;
}

function isEvent(value: unknown): value is GroupEvent {
  return typeof value === "object" && value !== null && "topic" in value && "session" in value;
}

/** One group (key: its name): a durable queue of events, of which one at a time begins a turn of its agent. */
export function createGroupActor(host: BackendHost) {
  const steps = new GroupSteps(host);
  const inTurn = <Result>(vars: GroupVars, change: () => Promise<Result>): Promise<Result> => {
    const turn = vars.changing.then(change);
    vars.changing = turn.catch(() => undefined);
    return turn;
  };
  const advance = (c: GroupContext & { readonly vars: GroupVars }, again = false): Promise<void> =>
    inTurn(c.vars, () => steps.advance(c, again)).catch((error: unknown) => {
      // What is written down stays: the next event, the end of a turn or a start goes on with it.
      host.ports.log.error("a group cannot go on", { group: c.key[0], error });
    });
  const take = async (
    c: GroupContext & { readonly vars: GroupVars; waitUntil(promise: Promise<unknown>): void },
    accepting: GroupEvent,
  ): Promise<GroupEventAccepted> => {
    const accepted = await inTurn(c.vars, () => steps.accept(c, accepting));
    c.waitUntil(advance(c));
    return accepted;
  };
  return actor({
    createState: (c): GroupState => {
      host.groups.require(c.key[0] ?? "");
      return newGroupState();
    },
    createVars: (): GroupVars => ({ changing: Promise.resolve() }),
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

      /** Words of the person. `id` makes them count once, however often they are handed in. */
      async prompt(c, text: string, options?: { readonly id?: string }): Promise<GroupEventAccepted> {
        requirePrompt(text);
        const given = options?.id;
        if (given !== undefined) requireText(given, "id", 200);
        const { session } = host.groups.require(c.key[0] ?? "");
        const id = given ?? uuidv7(host.ports.clock, host.ports.random);
        return take(c, {
          ...{ id: `prompt/${id}`, topic: "prompt", source: "prompt", text },
          session: session === "explicit" ? "fresh" : session,
        });
      },

      internal: {
        /** An event that the host has checked; what it is handed over by reference. */
        accept: (c, token: string): Promise<GroupEventAccepted> => {
          const taken = host.handover.take(token, isEvent);
          host.groups.require(c.key[0] ?? "");
          return take(c, taken);
        },

        /** A turn of a task of this group may have ended. */
        taskChanged: (c): void => {
          c.waitUntil(advance(c));
        },

        /** The time has come to try again what could not be begun. */
        retry: (c): Promise<void> => advance(c, true),

        /** After a start of the server. */
        recover: (c): void => {
          c.waitUntil(advance(c));
        },
      },
    },
  });
}

/** A ticket: the conversation with one customer, what agents note beside it, and the answer that a model drafts. */
import { randomUUID } from "node:crypto";
import { action, actor, event, queue, type Registry, UserError } from "holdfast";
import { deliver, outbound } from "./http/outbound.ts";
import { type Agent, type Identity, requireReader } from "./http/sessions.ts";
import type { inbox } from "./inbox.ts";
import { limits } from "./limits.ts";
import { draftAnswer } from "./model/draft.ts";
import type { team } from "./team.ts";
import {
  type CustomerView,
  checkedTags,
  checkedText,
  type Draft,
  type Incoming,
  type Message,
  summaryOf,
  type TicketState,
} from "./ticket-data.ts";

type Others = Registry<{ inbox: typeof inbox; team: typeof team }>;

interface Caller {
  readonly conn?: { readonly auth: unknown } | undefined;
}

function identityOf({ conn }: Caller): Identity | undefined {
  return conn?.auth as Identity | undefined;
}

function isAgent(c: Caller): boolean {
  return identityOf(c)?.role === "agent";
}

/** Calls of the routes in the same process have no identity. */
function isServer(c: Caller): boolean {
  return identityOf(c) === undefined;
}

function agentOf(c: Caller): Agent {
  const identity = identityOf(c);
  if (identity?.role === "agent") return identity.agent;
  throw new UserError("Only agents may do this", { code: "forbidden" });
}

function customerViewOf({ subject, isOpen, messages }: TicketState): CustomerView {
  return { subject, isOpen, messages: messages.filter(({ kind }) => kind !== "note") };
}

interface TicketContext {
  readonly key: readonly string[];
  readonly state: TicketState;
  client<R extends Others>(): R["client"];
}

/** Tells the inbox what has changed. It is written with the change, and arrives also after a crash. */
async function tellInbox(c: TicketContext): Promise<void> {
  c.state.revision += 1;
  const [id = ""] = c.key;
  await c.client<Others>().inbox.getOrCreate(["main"]).send("updates", summaryOf(id, c.state));
}

/** Adds a message. False if it is there already: its sender has repeated it. */
function add(state: TicketState, message: Omit<Message, "createdAt">): boolean {
  if (state.messages.some(({ id }) => id === message.id)) return false;
  if (state.messages.length >= limits.messages)
    throw new UserError("This conversation is full. Begin another one.", { code: "full" });
  const text = checkedText(message.text, limits.messageLength, "A message");
  state.messages.push({ ...message, text, createdAt: Date.now() });
  state.updatedAt = Date.now();
  return true;
}

export const ticket = actor({
  createState: (): TicketState => ({
    ...{ customer: { name: "", email: "" }, subject: "", source: "page", isOpen: true, assignee: undefined },
    ...{ tags: [], messages: [], draft: undefined, updatedAt: 0, revision: 0 },
  }),
  events: {
    changed: event<TicketState>({ canSubscribe: isAgent }),
    drafting: event<Draft>({ canSubscribe: isAgent }),
    conversation: event<CustomerView>(),
  },
  queues: {
    drafts: queue<string>({ canPublish: () => false, maxAttempts: 3 }),
    deliveries: queue<string>({
      canPublish: () => false,
      maxAttempts: 8,
      backoff: { minMs: 1_000, maxMs: 600_000 },
    }),
  },
  onAuth: requireReader,
  onStateChange: (c, state) => {
    c.broadcast("changed", state);
    c.broadcast("conversation", customerViewOf(state));
  },
  run: async (c) => {
    const writeDrafts = async (): Promise<void> => {
      for await (const message of c.queue.iter({ names: ["drafts"], completable: true })) {
        const id = message.body;
        const ended = await draftAnswer(c.state, c.abortSignal, (text) =>
          c.broadcast("drafting", { id, status: "writing", text }),
        );
        // An interrupted draft is written anew after the restart.
        if (c.abortSignal.aborted) return;
        // It may have been discarded meanwhile.
        if (c.state.draft?.id === id) c.state.draft = { id, ...ended };
        await message.complete();
        await tellInbox(c);
      }
    };
    const deliverAnswers = async (): Promise<void> => {
      for await (const message of c.queue.iter({ names: ["deliveries"], completable: true })) {
        const at = c.state.messages.findIndex(({ id }) => id === message.body);
        const answer = c.state.messages[at];
        const isDelivered =
          answer === undefined || (await deliver(c.key[0] ?? "", c.state, answer, c.abortSignal));
        if (c.abortSignal.aborted) return;
        if (!isDelivered && message.attempt < 8) {
          await message.fail("The receiver did not take it");
          continue;
        }
        if (answer !== undefined)
          c.state.messages[at] = { ...answer, delivery: isDelivered ? "delivered" : "failed" };
        await message.complete();
      }
    };
    await Promise.all([writeDrafts(), deliverAnswers()]);
  },
  actions: {
    /** A message of a customer, from the page or a webhook. One that comes again changes nothing. */
    receive: action({
      canInvoke: (c) => isServer(c),
      handler: async (c, incoming: Incoming): Promise<boolean> => {
        const { id, name, email, subject, text, source } = incoming;
        if (c.state.messages.length === 0) {
          const line = checkedText(subject, limits.subjectLength, "A subject");
          Object.assign(c.state, { customer: { name, email }, subject: line, source });
        }
        const isNew = add(c.state, { id, kind: "customer", name, text });
        if (!isNew) return false;
        c.state.isOpen = true;
        if (process.env["AUTO_DRAFT"] === "1") await startDraft(c);
        await tellInbox(c);
        return true;
      },
    }),
    /** What the customer sees. */
    conversation: (c): CustomerView => customerViewOf(c.state),
    /** The customer writes on. */
    write: async (c, id: string, text: string): Promise<void> => {
      if (identityOf(c)?.role !== "customer" || c.state.messages.length === 0)
        throw new UserError("Only the customer may do this", { code: "forbidden" });
      if (!add(c.state, { id: String(id).slice(0, 64), kind: "customer", name: c.state.customer.name, text }))
        return;
      c.state.isOpen = true;
      if (process.env["AUTO_DRAFT"] === "1") await startDraft(c);
      await tellInbox(c);
    },
    view: action({ canInvoke: (c) => isAgent(c), handler: (c): TicketState => c.state }),
    /** Asks the model for an answer. Nobody but agents sees it before one of them sends it. */
    draft: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c): Promise<void> => {
        await startDraft(c);
        await tellInbox(c);
      },
    }),
    discardDraft: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c): Promise<void> => {
        c.state.draft = undefined;
        await tellInbox(c);
      },
    }),
    /** Sends an answer. With the id of a draft it is approved, as it is or changed; of two agents the second is refused. */
    reply: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c, id: string, text: string, draftId?: string): Promise<void> => {
        const { name } = agentOf(c);
        if (c.state.messages.some((each) => each.id === id)) return;
        if (draftId !== undefined && c.state.draft?.id !== draftId)
          throw new UserError("Somebody has sent or discarded this draft already.", { code: "draft_gone" });
        const goesOut = c.state.source === "webhook" && outbound !== undefined;
        add(c.state, {
          ...{ id: String(id).slice(0, 64), kind: "agent", name, text },
          ...(draftId === undefined ? {} : { isDrafted: true }),
          ...(goesOut ? { delivery: "sending" } : {}),
        });
        c.state.draft = undefined;
        c.state.assignee ??= agentOf(c);
        if (goesOut) await c.queue.send("deliveries", id);
        await tellInbox(c);
      },
    }),
    note: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c, id: string, text: string): Promise<void> => {
        add(c.state, { id: String(id).slice(0, 64), kind: "note", name: agentOf(c).name, text });
        await tellInbox(c);
      },
    }),
    /** Assigns the ticket to an agent, or to nobody. */
    assign: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c, agentId: string | null): Promise<void> => {
        const members = await c.client<Others>().team.getOrCreate(["main"]).members();
        c.state.assignee = members.find(({ id }) => id === agentId);
        await tellInbox(c);
      },
    }),
    setTags: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c, tags: readonly string[]): Promise<void> => {
        c.state.tags = checkedTags(tags);
        await tellInbox(c);
      },
    }),
    setOpen: action({
      canInvoke: (c) => isAgent(c),
      handler: async (c, isOpen: boolean): Promise<void> => {
        c.state.isOpen = isOpen === true;
        await tellInbox(c);
      },
    }),
    /** Who reads the ticket: agents show each other that they are there. */
    enter: action({
      canInvoke: (c) => isAgent(c),
      handler: (c): void => void (c.conn !== undefined && c.presence.set(c.conn, { name: agentOf(c).name })),
    }),
  },
});

interface DraftContext {
  readonly state: TicketState;
  readonly queue: { send(name: "drafts", id: string): Promise<unknown> };
}

async function startDraft(c: DraftContext): Promise<void> {
  if (c.state.draft?.status === "writing") return;
  const id = randomUUID();
  c.state.draft = { id, status: "writing", text: "" };
  await c.queue.send("drafts", id);
}

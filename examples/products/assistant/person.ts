/** A person: their conversations, what the assistant remembers of them, and their reminders. */
import { randomUUID } from "node:crypto";
import { actor, event, UserError } from "holdfast";
import { limits } from "./limits.ts";
import { requireOwner } from "./sign-in/sessions.ts";

export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly updatedAt: number;
}

export interface Memory {
  readonly id: string;
  readonly text: string;
  readonly createdAt: number;
}

export interface Reminder {
  readonly id: string;
  readonly text: string;
  readonly dueAt: number;
  /** It is due and was not dismissed yet. */
  readonly isDue: boolean;
}

export interface PersonState {
  name: string;
  /** The one that was used last comes first. */
  conversations: ConversationSummary[];
  memories: Memory[];
  reminders: Reminder[];
  usage: { day: string; messages: number };
}

/** Everything that the page shows of a person, beside the conversation itself. */
export interface Overview extends Omit<PersonState, "usage"> {
  readonly messagesLeft: number;
}

const untitled = "New conversation";
const messagesPerDay = Number(process.env["MESSAGES_PER_DAY"] ?? 200);

function overviewOf({ usage, ...shown }: PersonState): Overview {
  const used = usage.day === today() ? usage.messages : 0;
  return { ...shown, messagesLeft: Math.max(0, messagesPerDay - used) };
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** Text as it is kept: without line breaks and spaces at its ends. Throws for text that is empty or too long. */
function checked(text: unknown, maxLength: number, what: string): string {
  const line = typeof text === "string" ? text.replace(/\s+/g, " ").trim() : "";
  if (line === "") throw new UserError(`${what} needs some text.`, { code: "empty" });
  if (line.length > maxLength)
    throw new UserError(`${what} has at most ${maxLength} characters.`, { code: "too_long" });
  return line;
}

function titleFrom(message: string): string {
  const line = message.replace(/\s+/g, " ").trim();
  return line.length <= 48 ? line : `${line.slice(0, 47).trimEnd()}…`;
}

export const person = actor({
  createState: (_c, input?: { name: string }): PersonState => ({
    ...{
      name: input?.name.slice(0, limits.nameLength) ?? "",
      conversations: [],
      memories: [],
      reminders: [],
    },
    usage: { day: "", messages: 0 },
  }),
  events: { changed: event<Overview>() },
  onAuth: requireOwner,
  // Every action that changes something tells all pages of the person.
  onStateChange: (c, state) => c.broadcast("changed", overviewOf(state)),
  actions: {
    overview: (c): Overview => overviewOf(c.state),
    startConversation: (c): string => {
      const empty = c.state.conversations.find(({ title }) => title === untitled);
      if (empty !== undefined) return empty.id;
      if (c.state.conversations.length >= limits.conversations)
        throw new UserError(`You have ${limits.conversations} conversations. Delete one first.`, {
          code: "full",
        });
      const id = randomUUID();
      c.state.conversations.unshift({ id, title: untitled, updatedAt: Date.now() });
      return id;
    },
    renameConversation: (c, id: string, title: string): void => {
      const at = c.state.conversations.findIndex((each) => each.id === id);
      const known = c.state.conversations[at];
      if (known === undefined) throw new UserError("This conversation was deleted.", { code: "unknown" });
      c.state.conversations[at] = { ...known, title: checked(title, limits.titleLength, "A title") };
    },
    removeConversation: (c, id: string): void => {
      c.state.conversations = c.state.conversations.filter((each) => each.id !== id);
    },
    /** Keeps a fact; one that is known already is not kept twice. */
    remember: (c, text: string): Memory => {
      const fact = checked(text, limits.memoryLength, "A memory");
      const known = c.state.memories.find((each) => each.text.toLowerCase() === fact.toLowerCase());
      if (known !== undefined) return { ...known };
      if (c.state.memories.length >= limits.memories)
        throw new UserError(`The memory is full: ${limits.memories} facts. Delete some first.`, {
          code: "full",
        });
      const memory: Memory = { id: randomUUID().slice(0, 8), text: fact, createdAt: Date.now() };
      c.state.memories.push(memory);
      return memory;
    },
    forget: (c, id: string): boolean => {
      const before = c.state.memories.length;
      c.state.memories = c.state.memories.filter((each) => each.id !== id);
      return c.state.memories.length < before;
    },
    forgetAll: (c): void => {
      c.state.memories = [];
    },
    /** The same id sets the same reminder: a call of a tool may be repeated. */
    setReminder: async (c, id: string, text: string, inMinutes: number): Promise<Reminder> => {
      const known = c.state.reminders.find((each) => each.id === id);
      if (known !== undefined) return { ...known };
      if (c.state.reminders.length >= limits.reminders)
        throw new UserError(`You have ${limits.reminders} reminders. Dismiss one first.`, { code: "full" });
      const isMinutes = Number.isFinite(inMinutes) && inMinutes >= 0 && inMinutes <= limits.reminderMinutes;
      if (!isMinutes) throw new UserError("A reminder is due within a year.", { code: "invalid_time" });
      const line = checked(text, limits.reminderLength, "A reminder");
      const reminder: Reminder = { id, text: line, dueAt: Date.now() + inMinutes * 60_000, isDue: false };
      c.state.reminders.push(reminder);
      await c.schedule.at(reminder.dueAt, "remind", id);
      return reminder;
    },
    /** Called by the schedule, also when the server was down at that time. */
    remind: (c, id: string): void => {
      const at = c.state.reminders.findIndex((each) => each.id === id);
      const known = c.state.reminders[at];
      if (known !== undefined) c.state.reminders[at] = { ...known, isDue: true };
    },
    removeReminder: (c, id: string): void => {
      c.state.reminders = c.state.reminders.filter((each) => each.id !== id);
    },
    /** Counts a message, and returns what the assistant has to know before it answers. Called by the chat. */
    beginAnswer: (c, id: string, message: string | undefined): { name: string; memories: Memory[] } => {
      const { state } = c;
      const conversation = state.conversations.find((each) => each.id === id);
      if (conversation === undefined)
        throw new UserError("This conversation was deleted.", { code: "unknown" });
      if (message !== undefined) {
        if (state.usage.day !== today()) state.usage = { day: today(), messages: 0 };
        if (state.usage.messages >= messagesPerDay)
          throw new UserError(`You have sent ${messagesPerDay} messages today. Go on tomorrow.`, {
            code: "limit",
          });
        state.usage.messages += 1;
        const title = conversation.title === untitled ? titleFrom(message) : conversation.title;
        const others = state.conversations.filter((each) => each.id !== id);
        state.conversations = [{ id, title, updatedAt: Date.now() }, ...others];
      }
      return { name: state.name, memories: state.memories.map((memory) => ({ ...memory })) };
    },
  },
});

/** A session's log as OpenCode's messages and parts. */
import { isRecord } from "../../http/problem.ts";
import type { LogEntry, PermissionView } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import type { Fields, WireEvent, WireFileDiff, WireMessageWithParts, WireTodo } from "../wire.ts";
import { FileDiffs } from "./file-diffs.ts";
import { type AskedTool, askEvents } from "./questions.ts";
import { Turn, type TurnContext } from "./turn.ts";

/**
 * A session's log as OpenCode's clients see it: messages and parts, and what is told of them while they
 * come to be. It is a fold over the log: entries go in in their order, and nothing else counts.
 */
export class Transcript {
  readonly #context: () => TurnContext;
  readonly #keepsAll: boolean;
  readonly #sessionID: string;
  readonly #diffs = new FileDiffs();
  #turns: Turn[] = [];
  #todos: WireTodo[] = [];
  /** The prompt of the server's queue that the next turn is for. */
  #promptId: string | undefined;

  /** With `keepsAll` false only the latest turn is kept: for those who follow a session and read nothing back. */
  constructor(context: () => TurnContext, keepsAll: boolean) {
    this.#context = context;
    this.#keepsAll = keepsAll;
    this.#sessionID = wireSessionId(context().sessionId);
  }

  get messages(): WireMessageWithParts[] {
    return this.#turns.flatMap((turn) => turn.messages);
  }

  /** The sequence of the first entry behind which the message stands; undefined for one that is not there. */
  sequenceOf(messageId: string): number | undefined {
    return this.#turns.find((turn) => turn.messages.some(({ info }) => info.id === messageId))?.firstSequence;
  }

  /** What the prompt `id` of the queue has become. */
  turnOf(id: string): Turn | undefined {
    return this.#turns.find((turn) => turn.promptId === id);
  }

  get todos(): readonly WireTodo[] {
    return this.#todos;
  }

  get diffs(): WireFileDiff[] {
    return this.#diffs.list();
  }

  /** What the turn of a message has changed. */
  diffsOf(messageId: string): WireFileDiff[] {
    const turn = this.#turns.find((each) => each.messages.some(({ info }) => info.id === messageId));
    return turn?.diffs ?? [];
  }

  get #turn(): Turn | undefined {
    return this.#turns.at(-1);
  }

  /** Where a tool call of the latest turn stands. */
  tool(callId: unknown): AskedTool | undefined {
    return typeof callId === "string" ? this.#turn?.asked(callId) : undefined;
  }

  /** Takes the next entry; returns what happened by it. */
  apply(entry: LogEntry): WireEvent[] {
    const message: unknown = JSON.parse(entry.payload);
    if (!isRecord(message)) return [];
    const params = isRecord(message.params) ? message.params : {};
    if (message.method === undefined) return this.#answered(message, entry);
    if (entry.sender === "client") {
      return message.method === "session/prompt" ? this.#prompted(message, params, entry) : [];
    }
    if (entry.sender === "server") return this.#noticed(message.method, params, entry);
    if (message.method !== "session/update" || !isRecord(params.update)) return [];
    return this.#updated(params.update, entry);
  }

  #prompted(message: Fields, params: Fields, entry: LogEntry): WireEvent[] {
    const ended = this.#turn?.end({ stopReason: "superseded" }, entry) ?? [];
    const blocks = Array.isArray(params.prompt) ? params.prompt.filter(isRecord) : [];
    const turn = this.#begin(entry, JSON.stringify(message.id));
    return [...ended, ...turn.ask(blocks), ...this.#status("busy")];
  }

  #begin(entry: LogEntry, requestKey: string | undefined): Turn {
    // Turns of a past that is loaded come all at once: their ids go on from each other, not from the clock.
    const before = requestKey === undefined ? this.#turn : undefined;
    const turn = new Turn(this.#context(), entry, requestKey, this.#promptId, before);
    this.#promptId = undefined;
    this.#turns = this.#keepsAll ? [...this.#turns, turn] : [turn];
    return turn;
  }

  #answered(message: Fields, entry: LogEntry): WireEvent[] {
    const turn = this.#turn;
    if (entry.sender === "client" || !turn?.isAnsweredBy(JSON.stringify(message.id))) return [];
    const error = isRecord(message.error) ? message.error : undefined;
    const outcome = error ? { error } : isRecord(message.result) ? message.result : {};
    return this.#ended(turn, outcome, entry);
  }

  #ended(turn: Turn, outcome: Fields, entry: LogEntry): WireEvent[] {
    const events = turn.end(outcome, entry);
    for (const edit of turn.edits) this.#diffs.take(edit);
    if (turn.edits.length > 0) {
      events.push({ type: "session.diff", properties: { sessionID: this.#sessionID, diff: this.diffs } });
    }
    // The end of a prompt of the queue is told by its notice, which comes next.
    return turn.promptId === undefined ? [...events, ...this.#status("idle")] : events;
  }

  #noticed(method: unknown, params: Fields, entry: LogEntry): WireEvent[] {
    if (method === "_session/permission") return this.#asked(params, entry);
    if (method !== "_session/prompt") return [];
    const { id, status } = params;
    if (typeof id !== "string") return [];
    if (status === "queued") return this.#status("busy");
    if (status === "running") {
      this.#promptId = id;
      return this.#status("busy");
    }
    const turn = this.#turn;
    const open = turn?.isOpen && turn.promptId === id ? turn : undefined;
    const error = isRecord(params.error) ? params.error : undefined;
    const outcome = error ? { error } : { stopReason: params.stopReason ?? status };
    const ended = open ? this.#ended(open, outcome, entry) : [];
    const unseen = status === "failed" && turn?.promptId !== id ? this.#failed(error) : [];
    return [...ended, ...unseen, ...this.#status("idle")];
  }

  /** A prompt whose turn never began. */
  #failed(error: Fields | undefined): WireEvent[] {
    const text = typeof error?.message === "string" ? error.message : "The agent could not be started";
    const told = { name: "UnknownError", data: { message: text } };
    return [{ type: "session.error", properties: { sessionID: this.#sessionID, error: told } }];
  }

  #asked(params: Fields, entry: LogEntry): WireEvent[] {
    const view = permissionOf(params);
    if (!view) return [];
    const turn = this.#turn;
    const { toolCallId } = view.toolCall;
    // Some agents ask for a tool before they have told of it.
    const told =
      view.state === "pending" && turn?.isOpen && typeof toolCallId === "string" && !turn.asked(toolCallId)
        ? turn.update({ ...view.toolCall, sessionUpdate: "tool_call" }, entry)
        : [];
    return [...told, ...askEvents(view, this.tool(toolCallId))];
  }

  #updated(update: Fields, entry: LogEntry): WireEvent[] {
    if (update.sessionUpdate === "plan") return this.#planned(update);
    let turn = this.#turn;
    // A session that was loaded tells its past without a prompt; what the user said begins a turn there.
    if (update.sessionUpdate === "user_message_chunk") {
      if (turn?.hasRequest && turn.isOpen) return [];
      if (!turn?.isOpen || turn.hasAnswer) turn = this.#begin(entry, undefined);
    }
    if (!turn || (turn.hasRequest && !turn.isOpen)) return [];
    return turn.update(update, entry);
  }

  #planned(update: Fields): WireEvent[] {
    const entries = Array.isArray(update.entries) ? update.entries.filter(isRecord) : [];
    this.#todos = entries.map((entry, index) => ({
      id: String(index + 1),
      content: String(entry.content ?? ""),
      status: String(entry.status ?? "pending"),
      priority: String(entry.priority ?? "medium"),
    }));
    return [{ type: "todo.updated", properties: { sessionID: this.#sessionID, todos: this.#todos } }];
  }

  #status(type: "busy" | "idle"): WireEvent[] {
    const status: WireEvent = {
      type: "session.status",
      properties: { sessionID: this.#sessionID, status: { type } },
    };
    return type === "busy"
      ? [status]
      : [status, { type: "session.idle", properties: { sessionID: this.#sessionID } }];
  }
}

/** A permission as the log has it: what this server wrote itself. */
function permissionOf(params: Fields): PermissionView | undefined {
  const { id, sessionId, state, toolCall, options } = params;
  if (typeof id !== "string" || typeof sessionId !== "string" || typeof state !== "string") return undefined;
  if (!isRecord(toolCall) || !Array.isArray(options)) return undefined;
  return params as unknown as PermissionView;
}

/** Converts a session's log to OpenCode's messages and parts. */
import { isRecord } from "../../http/problem.ts";
import type { LogEntry, PermissionView } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import type { Fields, WireEvent, WireFileDiff, WireMessageWithParts, WireTodo } from "../wire.ts";
import { FileDiffs } from "./file-diffs.ts";
import { permissionEvents, type ToolReference } from "./permissions.ts";
import { Turn, type TurnContext } from "./turn.ts";

/**
 * Projection of a session's log to OpenCode's messages, parts and events. A pure fold: the result depends only on the
 * entries and their order.
 */
export class Transcript {
  readonly #context: () => TurnContext;
  readonly #keepsHistory: boolean;
  readonly #sessionID: string;
  readonly #diffs = new FileDiffs();
  #turns: Turn[] = [];
  #todos: WireTodo[] = [];
  /** Queued prompt that the next turn belongs to. */
  #nextPromptId: string | undefined;

  /** With `keepsHistory` false, keeps only the latest turn. That is enough to publish events. */
  constructor(context: () => TurnContext, keepsHistory: boolean) {
    this.#context = context;
    this.#keepsHistory = keepsHistory;
    this.#sessionID = wireSessionId(context().sessionId);
  }

  get messages(): WireMessageWithParts[] {
    return this.#turns.flatMap((turn) => turn.messages);
  }

  /** Returns the sequence of the first entry of the message's turn; undefined for an unknown message. */
  sequenceOf(messageId: string): number | undefined {
    return this.#turns.find((turn) => turn.messages.some(({ info }) => info.id === messageId))?.firstSequence;
  }

  /** Returns the turn of the queued prompt `id`. */
  findTurn(id: string): Turn | undefined {
    return this.#turns.find((turn) => turn.promptId === id);
  }

  get todos(): readonly WireTodo[] {
    return this.#todos;
  }

  get diffs(): WireFileDiff[] {
    return this.#diffs.list();
  }

  /** Returns the file changes made by the turn of a message. */
  diffsOf(messageId: string): WireFileDiff[] {
    const turn = this.#turns.find((each) => each.messages.some(({ info }) => info.id === messageId));
    return turn?.diffs ?? [];
  }

  get #latestTurn(): Turn | undefined {
    return this.#turns.at(-1);
  }

  /** Returns a reference to a tool call of the latest turn. */
  findTool(callId: unknown): ToolReference | undefined {
    return typeof callId === "string" ? this.#latestTurn?.toolReference(callId) : undefined;
  }

  /** Applies the next log entry and returns the resulting events. */
  apply(entry: LogEntry): WireEvent[] {
    const message: unknown = JSON.parse(entry.payload);
    if (!isRecord(message)) return [];
    const params = isRecord(message.params) ? message.params : {};
    if (message.method === undefined) return this.#onResponse(message, entry);
    if (entry.sender === "client") {
      return message.method === "session/prompt" ? this.#onPrompt(message, params, entry) : [];
    }
    if (entry.sender === "server") return this.#onServerNotice(message.method, params, entry);
    if (message.method !== "session/update" || !isRecord(params.update)) return [];
    return this.#onUpdate(params.update, entry);
  }

  #onPrompt(message: Fields, params: Fields, entry: LogEntry): WireEvent[] {
    const endEvents = this.#latestTurn?.end({ stopReason: "superseded" }, entry) ?? [];
    const blocks = Array.isArray(params.prompt) ? params.prompt.filter(isRecord) : [];
    const turn = this.#startTurn(entry, JSON.stringify(message.id));
    return [...endEvents, ...turn.addPrompt(blocks), ...this.#statusEvents("busy")];
  }

  #startTurn(entry: LogEntry, requestKey: string | undefined): Turn {
    // Turns of a replayed history have the same timestamp, so their ids continue from each other instead of the clock.
    const replayedTurn = requestKey === undefined ? this.#latestTurn : undefined;
    const turn = new Turn(this.#context(), entry, requestKey, this.#nextPromptId, replayedTurn);
    this.#nextPromptId = undefined;
    this.#turns = this.#keepsHistory ? [...this.#turns, turn] : [turn];
    return turn;
  }

  #onResponse(message: Fields, entry: LogEntry): WireEvent[] {
    const turn = this.#latestTurn;
    if (entry.sender === "client" || !turn?.isResponse(JSON.stringify(message.id))) return [];
    const error = isRecord(message.error) ? message.error : undefined;
    const outcome = error ? { error } : isRecord(message.result) ? message.result : {};
    return this.#endTurn(turn, outcome, entry);
  }

  #endTurn(turn: Turn, outcome: Fields, entry: LogEntry): WireEvent[] {
    const events = turn.end(outcome, entry);
    for (const edit of turn.edits) this.#diffs.add(edit);
    if (turn.edits.length > 0) {
      events.push({ type: "session.diff", properties: { sessionID: this.#sessionID, diff: this.diffs } });
    }
    // For a queued prompt, the server's notice follows and reports the idle status.
    return turn.promptId === undefined ? [...events, ...this.#statusEvents("idle")] : events;
  }

  #onServerNotice(method: unknown, params: Fields, entry: LogEntry): WireEvent[] {
    if (method === "_session/permission") return this.#onPermission(params, entry);
    if (method !== "_session/prompt") return [];
    const { id, status } = params;
    if (typeof id !== "string") return [];
    if (status === "queued") return this.#statusEvents("busy");
    if (status === "running") {
      this.#nextPromptId = id;
      return this.#statusEvents("busy");
    }
    const turn = this.#latestTurn;
    const open = turn?.isOpen && turn.promptId === id ? turn : undefined;
    const error = isRecord(params.error) ? params.error : undefined;
    const outcome = error ? { error } : { stopReason: params.stopReason ?? status };
    const endEvents = open ? this.#endTurn(open, outcome, entry) : [];
    const unstarted = status === "failed" && turn?.promptId !== id ? this.#errorEvents(error) : [];
    return [...endEvents, ...unstarted, ...this.#statusEvents("idle")];
  }

  /** Returns the error event of a prompt whose turn never started. */
  #errorEvents(error: Fields | undefined): WireEvent[] {
    const text = typeof error?.message === "string" ? error.message : "The agent could not be started";
    const wireError = { name: "UnknownError", data: { message: text } };
    return [{ type: "session.error", properties: { sessionID: this.#sessionID, error: wireError } }];
  }

  #onPermission(params: Fields, entry: LogEntry): WireEvent[] {
    const view = parsePermission(params);
    if (!view) return [];
    const turn = this.#latestTurn;
    const { toolCallId } = view.toolCall;
    // Some agents request permission for a tool call before they report the call.
    const callEvents =
      view.state === "pending" &&
      turn?.isOpen &&
      typeof toolCallId === "string" &&
      !turn.toolReference(toolCallId)
        ? turn.update({ ...view.toolCall, sessionUpdate: "tool_call" }, entry)
        : [];
    return [...callEvents, ...permissionEvents(view, this.findTool(toolCallId))];
  }

  #onUpdate(update: Fields, entry: LogEntry): WireEvent[] {
    if (update.sessionUpdate === "plan") return this.#onPlan(update);
    let turn = this.#latestTurn;
    // A loaded session replays its history without prompts, so each user message starts a turn.
    if (update.sessionUpdate === "user_message_chunk") {
      if (turn?.hasPrompt && turn.isOpen) return [];
      if (!turn?.isOpen || turn.hasReply) turn = this.#startTurn(entry, undefined);
    }
    if (!turn || (turn.hasPrompt && !turn.isOpen)) return [];
    return turn.update(update, entry);
  }

  #onPlan(update: Fields): WireEvent[] {
    const entries = Array.isArray(update.entries) ? update.entries.filter(isRecord) : [];
    this.#todos = entries.map((entry, index) => ({
      id: String(index + 1),
      content: String(entry.content ?? ""),
      status: String(entry.status ?? "pending"),
      priority: String(entry.priority ?? "medium"),
    }));
    return [{ type: "todo.updated", properties: { sessionID: this.#sessionID, todos: this.#todos } }];
  }

  #statusEvents(type: "busy" | "idle"): WireEvent[] {
    const status: WireEvent = {
      type: "session.status",
      properties: { sessionID: this.#sessionID, status: { type } },
    };
    return type === "busy"
      ? [status]
      : [status, { type: "session.idle", properties: { sessionID: this.#sessionID } }];
  }
}

/** Reads a permission request from the log. This server wrote it, so a shallow check is enough. */
function parsePermission(params: Fields): PermissionView | undefined {
  const { id, sessionId, state, toolCall, options } = params;
  if (typeof id !== "string" || typeof sessionId !== "string" || typeof state !== "string") return undefined;
  if (!isRecord(toolCall) || !Array.isArray(options)) return undefined;
  return params as unknown as PermissionView;
}

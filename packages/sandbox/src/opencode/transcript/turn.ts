import { isRecord } from "../../http/problem.ts";
import { transcriptMark } from "../../sessions/turns/transcript.ts";
import type { LogEntry } from "../../sessions/types.ts";
import { TurnIds, wireSessionId } from "../ids.ts";
import {
  type Fields,
  noTokens,
  type WireAssistantMessage,
  type WireError,
  type WireEvent,
  type WireFileDiff,
  type WireFilePart,
  type WireMessage,
  type WireMessageWithParts,
  type WireModel,
  type WirePart,
  type WireTextPart,
  type WireTokens,
  type WireUserMessage,
} from "../wire.ts";
import { FileDiffs } from "./file-diffs.ts";
import type { ToolReference } from "./permissions.ts";
import { type FileEdit, ToolCall, unifiedDiff } from "./tool-part.ts";

/** Fields shared by all messages of a session. */
export interface TurnContext {
  readonly sessionId: string;
  readonly cwd: string;
  readonly mode: string;
  readonly model: WireModel;
}

/** Offsets that order the parts created by one log entry. User parts have lower ones. */
const partOffsets = { start: 5_000, middle: 6_000, end: 7_000 };

/** One turn: the user's message and the assistant's message. */
export class Turn {
  /** Id of the queued prompt; absent for a prompt sent over the raw ACP routes. */
  readonly promptId: string | undefined;
  readonly firstSequence: number;
  readonly #context: TurnContext;
  readonly #sessionID: string;
  readonly #ids: TurnIds;
  readonly #requestKey: string | undefined;
  readonly #user: WireUserMessage;
  readonly #userParts: WirePart[] = [];
  readonly #assistantParts: WirePart[] = [];
  /** Tool calls with the index of their part. */
  readonly #calls = new Map<string, { readonly call: ToolCall; readonly at: number }>();
  #assistant: WireAssistantMessage | undefined;
  #isOpen = true;

  constructor(
    context: TurnContext,
    entry: LogEntry,
    requestKey: string | undefined,
    promptId: string | undefined,
    previous?: Turn,
  ) {
    const { sequence, createdAt } = entry;
    const clientMessageId = promptId?.startsWith("msg") === true ? promptId : undefined;
    this.#context = context;
    this.#sessionID = wireSessionId(context.sessionId);
    this.promptId = promptId;
    this.firstSequence = sequence;
    this.#requestKey = requestKey;
    this.#ids = new TurnIds(createdAt, sequence, clientMessageId ?? previous?.lastId);
    this.#user = {
      id: clientMessageId ?? this.#ids.message(sequence),
      sessionID: this.#sessionID,
      role: "user",
      time: { created: createdAt },
      agent: context.mode,
      model: context.model,
    };
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a client sent the prompt. Otherwise the turn is history that an agent replayed. */
  get hasPrompt(): boolean {
    return this.#requestKey !== undefined;
  }

  get hasReply(): boolean {
    return this.#assistant !== undefined;
  }

  /** Greatest id of the turn, which later ids must sort after. */
  get lastId(): string {
    return (
      this.#assistantParts.at(-1)?.id ?? this.#assistant?.id ?? this.#userParts.at(-1)?.id ?? this.#user.id
    );
  }

  get messages(): WireMessageWithParts[] {
    const userMessage = { info: this.#user, parts: this.#userParts };
    return this.#assistant
      ? [userMessage, { info: this.#assistant, parts: this.#assistantParts }]
      : [userMessage];
  }

  /** File changes of the turn's completed calls, in order. */
  get edits(): FileEdit[] {
    return [...this.#calls.values()].flatMap(({ call }) => (call.hasSucceeded ? call.edits : []));
  }

  get diffs(): WireFileDiff[] {
    const diffs = new FileDiffs();
    for (const edit of this.edits) diffs.add(edit);
    return diffs.list();
  }

  isResponse(key: string): boolean {
    return this.#isOpen && this.#requestKey === key;
  }

  toolReference(callID: string): ToolReference | undefined {
    const existing = this.#calls.get(callID);
    if (!existing || !this.#assistant) return undefined;
    return { messageID: this.#assistant.id, callID, diff: existing.call.edits.map(unifiedDiff).join("") };
  }

  /** Adds the user's prompt and starts the assistant's message. */
  addPrompt(blocks: readonly Fields[]): WireEvent[] {
    const parts = blocks.flatMap((block, index) => this.#toUserParts(block, index));
    this.#userParts.push(...parts);
    return [
      this.#messageUpdated(this.#user),
      ...parts.map((part) => this.#partUpdated(part, this.#user.time.created)),
      ...this.#startReply(this.firstSequence, this.#user.time.created),
    ];
  }

  /** Applies an update of the agent and returns the resulting events. */
  update(update: Fields, { sequence, createdAt }: LogEntry): WireEvent[] {
    const kind = update.sessionUpdate;
    const content = isRecord(update.content) ? update.content : {};
    if (kind === "user_message_chunk") return this.#appendUserText(content, sequence, createdAt);
    const started = this.#assistant ? [] : this.#startReply(sequence, createdAt);
    switch (kind) {
      case "agent_message_chunk":
        return [...started, ...this.#appendText("text", content, sequence, createdAt)];
      case "agent_thought_chunk":
        return [...started, ...this.#appendText("reasoning", content, sequence, createdAt)];
      case "tool_call":
      case "tool_call_update":
        return [...started, ...this.#applyToolUpdate(update, sequence, createdAt)];
      default:
        return [];
    }
  }

  /** Ends the turn with the agent's result or error. */
  end(outcome: Fields, { sequence, createdAt: at }: LogEntry): WireEvent[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    const assistant = this.#assistant;
    if (!assistant) return [];
    const error = toWireError(outcome);
    const events = this.#closeText(at);
    for (const { call, at: partIndex } of this.#calls.values()) {
      if (call.isSettled) continue;
      call.settle(error === undefined, at);
      events.push(...this.#updateToolPart(call, partIndex, at));
    }
    const tokens = toTokens(outcome.usage);
    const finish = error ? "error" : toFinishReason(outcome.stopReason);
    const step: WirePart = {
      id: this.#ids.part(sequence, partOffsets.end),
      ...this.#partOwner(assistant.id),
      type: "step-finish",
      reason: finish,
      cost: 0,
      tokens,
    };
    this.#assistantParts.push(step);
    const time = { ...assistant.time, completed: at };
    this.#assistant = { ...assistant, time, tokens, finish, ...(error ? { error } : {}) };
    events.push(this.#partUpdated(step, at), this.#messageUpdated(this.#assistant));
    if (error) events.push({ type: "session.error", properties: { sessionID: this.#sessionID, error } });
    return events;
  }

  #startReply(sequence: number, at: number): WireEvent[] {
    const { cwd, mode, model } = this.#context;
    this.#assistant = {
      id: this.#ids.message(sequence + 1),
      sessionID: this.#sessionID,
      role: "assistant",
      time: { created: at },
      parentID: this.#user.id,
      mode,
      agent: mode,
      path: { cwd, root: cwd },
      cost: 0,
      tokens: noTokens,
      ...model,
    };
    const step: WirePart = {
      id: this.#ids.part(sequence, partOffsets.start),
      ...this.#partOwner(this.#assistant.id),
      type: "step-start",
    };
    this.#assistantParts.push(step);
    return [this.#messageUpdated(this.#assistant), this.#partUpdated(step, at)];
  }

  #toUserParts(block: Fields, index: number): WirePart[] {
    const base = { id: this.#ids.part(this.firstSequence, index), ...this.#partOwner(this.#user.id) };
    if (isRecord(block._meta) && block._meta[transcriptMark] === true) return [];
    if (typeof block.text === "string") return [{ ...base, type: "text", text: block.text }];
    const file = toFilePart(block);
    return file ? [{ ...base, type: "file", ...file }] : [];
  }

  /** Appends a chunk of a user message that an agent replays. */
  #appendUserText(content: Fields, sequence: number, at: number): WireEvent[] {
    const last = this.#userParts.at(-1);
    if (last?.type === "text" && typeof content.text === "string") {
      this.#userParts[this.#userParts.length - 1] = { ...last, text: last.text + content.text };
      return [this.#partDelta(last, content.text)];
    }
    const parts = this.#toUserParts(content, this.#userParts.length);
    const userEvents = sequence === this.firstSequence ? [this.#messageUpdated(this.#user)] : [];
    this.#userParts.push(...parts);
    return [...userEvents, ...parts.map((part) => this.#partUpdated(part, at))];
  }

  #appendText(type: WireTextPart["type"], content: Fields, sequence: number, at: number): WireEvent[] {
    if (typeof content.text !== "string" || !this.#assistant) return [];
    const last = this.#assistantParts.at(-1);
    if (last?.type === type && last.time?.end === undefined) {
      this.#assistantParts[this.#assistantParts.length - 1] = { ...last, text: last.text + content.text };
      return [this.#partDelta(last, content.text)];
    }
    const closed = this.#closeText(at);
    const base = { id: this.#ids.part(sequence, partOffsets.middle), ...this.#partOwner(this.#assistant.id) };
    const part: WireTextPart = { ...base, type, text: content.text, time: { start: at } };
    this.#assistantParts.push(part);
    return [...closed, this.#partUpdated({ ...part, text: "" }, at), this.#partDelta(part, content.text)];
  }

  #closeText(at: number): WireEvent[] {
    const last = this.#assistantParts.at(-1);
    if ((last?.type !== "text" && last?.type !== "reasoning") || last.time?.end !== undefined) return [];
    const part = { ...last, time: { start: last.time?.start ?? at, end: at } };
    this.#assistantParts[this.#assistantParts.length - 1] = part;
    return [this.#partUpdated(part, at)];
  }

  #applyToolUpdate(update: Fields, sequence: number, at: number): WireEvent[] {
    const { toolCallId, sessionUpdate: _kind, ...fields } = update;
    if (typeof toolCallId !== "string") return [];
    const existing = this.#calls.get(toolCallId);
    if (existing) {
      const hadSucceeded = existing.call.hasSucceeded;
      existing.call.applyUpdate(fields, at);
      return [
        ...this.#updateToolPart(existing.call, existing.at, at),
        ...(hadSucceeded ? [] : editEvents(existing.call)),
      ];
    }
    const events = this.#closeText(at);
    const call = new ToolCall(toolCallId, at);
    call.applyUpdate(fields, at);
    const partIndex = this.#assistantParts.length;
    this.#calls.set(toolCallId, { call, at: partIndex });
    const base = {
      id: this.#ids.part(sequence, partOffsets.middle),
      ...this.#partOwner(this.#assistant?.id ?? ""),
    };
    this.#assistantParts.push({
      ...base,
      type: "tool",
      callID: toolCallId,
      tool: call.tool,
      state: call.state,
    });
    return [...events, ...this.#updateToolPart(call, partIndex, at), ...editEvents(call)];
  }

  #updateToolPart(call: ToolCall, partIndex: number, at: number): WireEvent[] {
    const part = this.#assistantParts[partIndex];
    if (part?.type !== "tool") return [];
    const updated = { ...part, tool: call.tool, state: call.state };
    this.#assistantParts[partIndex] = updated;
    return [this.#partUpdated(updated, at)];
  }

  #partOwner(messageID: string) {
    return { sessionID: this.#sessionID, messageID };
  }

  #messageUpdated(info: WireMessage): WireEvent {
    return { type: "message.updated", properties: { sessionID: this.#sessionID, info } };
  }

  #partUpdated(part: WirePart, time: number): WireEvent {
    return { type: "message.part.updated", properties: { sessionID: this.#sessionID, part, time } };
  }

  #partDelta(part: WireTextPart, delta: string): WireEvent {
    const { messageID, id: partID } = part;
    const properties = { sessionID: this.#sessionID, messageID, partID, field: "text", delta };
    return { type: "message.part.delta", properties };
  }
}

/** Returns the events for files that a completed call has changed. */
function editEvents(call: ToolCall): WireEvent[] {
  if (!call.hasSucceeded) return [];
  return call.edits.map(({ path }) => ({ type: "file.edited", properties: { file: path } }));
}

function toWireError({ error, stopReason }: Fields): WireError | undefined {
  if (isRecord(error)) {
    const message = typeof error.message === "string" ? error.message : "The agent failed";
    return { name: "UnknownError", data: { message } };
  }
  if (stopReason === "cancelled") {
    return { name: "MessageAbortedError", data: { message: "The turn was cancelled" } };
  }
  return undefined;
}

function toFinishReason(stopReason: unknown): string {
  if (stopReason === "max_tokens") return "length";
  return stopReason === "refusal" ? "content-filter" : "stop";
}

/** Reads the token counts of agents that report them. Source: ACP, `usage` of a prompt's result (unstable). */
function toTokens(usage: unknown): WireTokens {
  if (!isRecord(usage)) return noTokens;
  const count = (name: string) => (typeof usage[name] === "number" ? usage[name] : 0);
  return {
    input: count("inputTokens"),
    output: count("outputTokens"),
    reasoning: count("thoughtTokens"),
    cache: { read: count("cachedReadTokens"), write: count("cachedWriteTokens") },
  };
}

function toFilePart(block: Fields): Pick<WireFilePart, "mime" | "url" | "filename"> | undefined {
  const { type, mimeType, data, uri, name } = block;
  const mime = typeof mimeType === "string" ? mimeType : "application/octet-stream";
  const filename = typeof name === "string" ? { filename: name } : {};
  if (type === "resource_link" && typeof uri === "string") return { mime, url: uri, ...filename };
  if (typeof data === "string") return { mime, url: `data:${mime};base64,${data}`, ...filename };
  const resource = isRecord(block.resource) ? block.resource : undefined;
  return typeof resource?.uri === "string" ? { mime, url: resource.uri, ...filename } : undefined;
}

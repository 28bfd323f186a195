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
import type { AskedTool } from "./questions.ts";
import { type FileEdit, patchOf, ToolCall } from "./tool-part.ts";

/** What all messages of a session say. */
export interface TurnContext {
  readonly sessionId: string;
  readonly cwd: string;
  readonly mode: string;
  readonly model: WireModel;
}

/** Where parts stand that one entry of the log has made; those of the user are before them. */
const places = { start: 5_000, middle: 6_000, end: 7_000 };

/** One prompt and what the agent did for it: a message of the user, and one of the assistant. */
export class Turn {
  /** The prompt of the server's queue; absent for one that came over the raw routes. */
  readonly promptId: string | undefined;
  readonly firstSequence: number;
  readonly #context: TurnContext;
  readonly #sessionID: string;
  readonly #ids: TurnIds;
  readonly #requestKey: string | undefined;
  readonly #user: WireUserMessage;
  readonly #asked: WirePart[] = [];
  readonly #parts: WirePart[] = [];
  /** Tool calls with the place of their part. */
  readonly #calls = new Map<string, { readonly call: ToolCall; readonly at: number }>();
  #assistant: WireAssistantMessage | undefined;
  #isOpen = true;

  constructor(
    context: TurnContext,
    entry: LogEntry,
    requestKey: string | undefined,
    promptId: string | undefined,
    before?: Turn,
  ) {
    const { sequence, createdAt } = entry;
    const given = promptId?.startsWith("msg") === true ? promptId : undefined;
    this.#context = context;
    this.#sessionID = wireSessionId(context.sessionId);
    this.promptId = promptId;
    this.firstSequence = sequence;
    this.#requestKey = requestKey;
    this.#ids = new TurnIds(createdAt, sequence, given ?? before?.lastId);
    this.#user = {
      id: given ?? this.#ids.message(sequence),
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

  /** Whether a client has asked; otherwise it is the past as an agent told it. */
  get hasRequest(): boolean {
    return this.#requestKey !== undefined;
  }

  get hasAnswer(): boolean {
    return this.#assistant !== undefined;
  }

  /** The id of the turn that stands behind all others of it. */
  get lastId(): string {
    return this.#parts.at(-1)?.id ?? this.#assistant?.id ?? this.#asked.at(-1)?.id ?? this.#user.id;
  }

  get messages(): WireMessageWithParts[] {
    const asked = { info: this.#user, parts: this.#asked };
    return this.#assistant ? [asked, { info: this.#assistant, parts: this.#parts }] : [asked];
  }

  /** What the calls of the turn have changed, in their order. */
  get edits(): FileEdit[] {
    return [...this.#calls.values()].flatMap(({ call }) => (call.hasWorked ? call.edits : []));
  }

  get diffs(): WireFileDiff[] {
    const diffs = new FileDiffs();
    for (const edit of this.edits) diffs.take(edit);
    return diffs.list();
  }

  isAnsweredBy(key: string): boolean {
    return this.#isOpen && this.#requestKey === key;
  }

  asked(callID: string): AskedTool | undefined {
    const known = this.#calls.get(callID);
    if (!known || !this.#assistant) return undefined;
    return { messageID: this.#assistant.id, callID, diff: known.call.edits.map(patchOf).join("") };
  }

  /** What the user said; the agent's message begins with it. */
  ask(blocks: readonly Fields[]): WireEvent[] {
    const parts = blocks.flatMap((block, index) => this.#askedPart(block, index));
    this.#asked.push(...parts);
    return [
      this.#told(this.#user),
      ...parts.map((part) => this.#changed(part, this.#user.time.created)),
      ...this.#answer(this.firstSequence, this.#user.time.created),
    ];
  }

  /** What an update of the agent adds. */
  update(update: Fields, { sequence, createdAt }: LogEntry): WireEvent[] {
    const kind = update.sessionUpdate;
    const content = isRecord(update.content) ? update.content : {};
    if (kind === "user_message_chunk") return this.#say(content, sequence, createdAt);
    const begun = this.#assistant ? [] : this.#answer(sequence, createdAt);
    switch (kind) {
      case "agent_message_chunk":
        return [...begun, ...this.#write("text", content, sequence, createdAt)];
      case "agent_thought_chunk":
        return [...begun, ...this.#write("reasoning", content, sequence, createdAt)];
      case "tool_call":
      case "tool_call_update":
        return [...begun, ...this.#use(update, sequence, createdAt)];
      default:
        return [];
    }
  }

  /** The turn has ended with this result or error of the agent. */
  end(outcome: Fields, { sequence, createdAt: at }: LogEntry): WireEvent[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    const assistant = this.#assistant;
    if (!assistant) return [];
    const error = errorOf(outcome);
    const events = this.#closeText(at);
    for (const { call, at: place } of this.#calls.values()) {
      if (call.isSettled) continue;
      call.settle(error === undefined, at);
      events.push(...this.#showCall(call, place, at));
    }
    const tokens = tokensOf(outcome.usage);
    const finish = error ? "error" : finishOf(outcome.stopReason);
    const step: WirePart = {
      id: this.#ids.part(sequence, places.end),
      ...this.#of(assistant.id),
      type: "step-finish",
      reason: finish,
      cost: 0,
      tokens,
    };
    this.#parts.push(step);
    const time = { ...assistant.time, completed: at };
    this.#assistant = { ...assistant, time, tokens, finish, ...(error ? { error } : {}) };
    events.push(this.#changed(step, at), this.#told(this.#assistant));
    if (error) events.push({ type: "session.error", properties: { sessionID: this.#sessionID, error } });
    return events;
  }

  #answer(sequence: number, at: number): WireEvent[] {
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
      id: this.#ids.part(sequence, places.start),
      ...this.#of(this.#assistant.id),
      type: "step-start",
    };
    this.#parts.push(step);
    return [this.#told(this.#assistant), this.#changed(step, at)];
  }

  #askedPart(block: Fields, index: number): WirePart[] {
    const base = { id: this.#ids.part(this.firstSequence, index), ...this.#of(this.#user.id) };
    if (isRecord(block._meta) && block._meta[transcriptMark] === true) return [];
    if (typeof block.text === "string") return [{ ...base, type: "text", text: block.text }];
    const file = fileOf(block);
    return file ? [{ ...base, type: "file", ...file }] : [];
  }

  /** A piece of what the user said before this server knew the session. */
  #say(content: Fields, sequence: number, at: number): WireEvent[] {
    const last = this.#asked.at(-1);
    if (last?.type === "text" && typeof content.text === "string") {
      this.#asked[this.#asked.length - 1] = { ...last, text: last.text + content.text };
      return [this.#delta(last, content.text)];
    }
    const parts = this.#askedPart(content, this.#asked.length);
    const told = sequence === this.firstSequence ? [this.#told(this.#user)] : [];
    this.#asked.push(...parts);
    return [...told, ...parts.map((part) => this.#changed(part, at))];
  }

  #write(type: WireTextPart["type"], content: Fields, sequence: number, at: number): WireEvent[] {
    if (typeof content.text !== "string" || !this.#assistant) return [];
    const last = this.#parts.at(-1);
    if (last?.type === type && last.time?.end === undefined) {
      this.#parts[this.#parts.length - 1] = { ...last, text: last.text + content.text };
      return [this.#delta(last, content.text)];
    }
    const closed = this.#closeText(at);
    const base = { id: this.#ids.part(sequence, places.middle), ...this.#of(this.#assistant.id) };
    const part: WireTextPart = { ...base, type, text: content.text, time: { start: at } };
    this.#parts.push(part);
    return [...closed, this.#changed({ ...part, text: "" }, at), this.#delta(part, content.text)];
  }

  #closeText(at: number): WireEvent[] {
    const last = this.#parts.at(-1);
    if ((last?.type !== "text" && last?.type !== "reasoning") || last.time?.end !== undefined) return [];
    const part = { ...last, time: { start: last.time?.start ?? at, end: at } };
    this.#parts[this.#parts.length - 1] = part;
    return [this.#changed(part, at)];
  }

  #use(update: Fields, sequence: number, at: number): WireEvent[] {
    const { toolCallId, sessionUpdate: _kind, ...fields } = update;
    if (typeof toolCallId !== "string") return [];
    const known = this.#calls.get(toolCallId);
    if (known) {
      const worked = known.call.hasWorked;
      known.call.take(fields, at);
      return [...this.#showCall(known.call, known.at, at), ...(worked ? [] : edited(known.call))];
    }
    const events = this.#closeText(at);
    const call = new ToolCall(toolCallId, at);
    call.take(fields, at);
    const place = this.#parts.length;
    this.#calls.set(toolCallId, { call, at: place });
    const base = { id: this.#ids.part(sequence, places.middle), ...this.#of(this.#assistant?.id ?? "") };
    this.#parts.push({ ...base, type: "tool", callID: toolCallId, tool: call.tool, state: call.state });
    return [...events, ...this.#showCall(call, place, at), ...edited(call)];
  }

  #showCall(call: ToolCall, place: number, at: number): WireEvent[] {
    const part = this.#parts[place];
    if (part?.type !== "tool") return [];
    const shown = { ...part, tool: call.tool, state: call.state };
    this.#parts[place] = shown;
    return [this.#changed(shown, at)];
  }

  #of(messageID: string) {
    return { sessionID: this.#sessionID, messageID };
  }

  #told(info: WireMessage): WireEvent {
    return { type: "message.updated", properties: { sessionID: this.#sessionID, info } };
  }

  #changed(part: WirePart, time: number): WireEvent {
    return { type: "message.part.updated", properties: { sessionID: this.#sessionID, part, time } };
  }

  #delta(part: WireTextPart, delta: string): WireEvent {
    const { messageID, id: partID } = part;
    const properties = { sessionID: this.#sessionID, messageID, partID, field: "text", delta };
    return { type: "message.part.delta", properties };
  }
}

/** What is told of the files that a call has changed, once it has. */
function edited(call: ToolCall): WireEvent[] {
  if (!call.hasWorked) return [];
  return call.edits.map(({ path }) => ({ type: "file.edited", properties: { file: path } }));
}

function errorOf({ error, stopReason }: Fields): WireError | undefined {
  if (isRecord(error)) {
    const message = typeof error.message === "string" ? error.message : "The agent failed";
    return { name: "UnknownError", data: { message } };
  }
  if (stopReason === "cancelled") {
    return { name: "MessageAbortedError", data: { message: "The turn was cancelled" } };
  }
  return undefined;
}

function finishOf(stopReason: unknown): string {
  if (stopReason === "max_tokens") return "length";
  return stopReason === "refusal" ? "content-filter" : "stop";
}

/** Tokens of a turn, of agents that count them. Source: ACP, `usage` of a prompt's result (unstable). */
function tokensOf(usage: unknown): WireTokens {
  if (!isRecord(usage)) return noTokens;
  const count = (name: string) => (typeof usage[name] === "number" ? usage[name] : 0);
  return {
    input: count("inputTokens"),
    output: count("outputTokens"),
    reasoning: count("thoughtTokens"),
    cache: { read: count("cachedReadTokens"), write: count("cachedWriteTokens") },
  };
}

function fileOf(block: Fields): Pick<WireFilePart, "mime" | "url" | "filename"> | undefined {
  const { type, mimeType, data, uri, name } = block;
  const mime = typeof mimeType === "string" ? mimeType : "application/octet-stream";
  const filename = typeof name === "string" ? { filename: name } : {};
  if (type === "resource_link" && typeof uri === "string") return { mime, url: uri, ...filename };
  if (typeof data === "string") return { mime, url: `data:${mime};base64,${data}`, ...filename };
  const resource = isRecord(block.resource) ? block.resource : undefined;
  return typeof resource?.uri === "string" ? { mime, url: resource.uri, ...filename } : undefined;
}

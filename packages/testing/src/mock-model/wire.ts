import type { Conversation, JsonObject } from "./conversation.ts";
import type { Reply } from "./reply.ts";
import type { ToolCall } from "./tools.ts";

/** API of one provider: parses requests and encodes replies, streamed or not. */
export interface Wire {
  /** Some providers put into the path what others put into the body. */
  parse(body: JsonObject, bodyBytes: number, path: string): Conversation;
  encode(conversation: Conversation, usage: Reply["usage"]): Encoder;
  error(status: number, message: string): JsonObject;
}

/** Encodes one reply. Every method returns the SSE frames that are due; `whole` returns the complete reply as JSON. */
export interface Encoder {
  start(): string;
  open(kind: TextKind): string;
  delta(kind: TextKind, text: string): string;
  close(kind: TextKind, text: string): string;
  tool(call: ToolCall): string;
  end(): string;
  whole(): JsonObject;
}

/** Common properties of every encoder. */
export abstract class ReplyEncoder {
  protected readonly model: string;
  protected readonly usage: Reply["usage"];

  constructor({ model }: Conversation, usage: Reply["usage"]) {
    this.model = model;
    this.usage = usage;
  }
}

export type TextKind = "say" | "think";

/** Ids must only be unique within one process. */
let lastId = 0;
export function freshId(prefix: string): string {
  lastId += 1;
  return `${prefix}_mock${String(lastId).padStart(8, "0")}`;
}

/** Server-sent event named after the `type` of its data, as both large providers do. */
export function typedFrame(data: JsonObject & { readonly type: string }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

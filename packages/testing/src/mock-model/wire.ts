import type { Conversation, JsonObject } from "./conversation.ts";
import type { Reply } from "./reply.ts";
import type { ToolCall } from "./tools.ts";

/** A provider's wire: how a request is read and how a reply is written, streamed or whole. */
export interface Wire {
  /** Some providers say in the path what others say in the body. */
  parse(body: JsonObject, bodyBytes: number, path: string): Conversation;
  encode(conversation: Conversation, usage: Reply["usage"]): Encoder;
  error(status: number, message: string): JsonObject;
}

/** Writes one reply. Every method returns the SSE frames that are due; `whole` is the same as JSON. */
export interface Encoder {
  start(): string;
  open(kind: TextKind): string;
  delta(kind: TextKind, text: string): string;
  close(kind: TextKind, text: string): string;
  tool(call: ToolCall): string;
  end(): string;
  whole(): JsonObject;
}

/** What every encoder knows of the reply that it writes. */
export abstract class ReplyEncoder {
  protected readonly model: string;
  protected readonly usage: Reply["usage"];

  constructor({ model }: Conversation, usage: Reply["usage"]) {
    this.model = model;
    this.usage = usage;
  }
}

export type TextKind = "say" | "think";

/** Ids only have to differ from each other within one process. */
let lastId = 0;
export function freshId(prefix: string): string {
  lastId += 1;
  return `${prefix}_mock${String(lastId).padStart(8, "0")}`;
}

/** A server-sent event whose name is the `type` of its data, as both large providers write them. */
export function typedFrame(data: JsonObject & { readonly type: string }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

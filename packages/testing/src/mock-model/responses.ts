import {
  contentText,
  findCwd,
  isObject,
  type JsonObject,
  type OfferedTool,
  objects,
  outputProperties,
  parameterNames,
  type Turn,
  text,
} from "./conversation.ts";
import type { ToolCall } from "./tools.ts";
import { type Encoder, freshId, ReplyEncoder, type TextKind, typedFrame, type Wire } from "./wire.ts";

/** OpenAI Responses: https://platform.openai.com/docs/api-reference/responses-streaming. */
export const responsesWire: Wire = {
  parse(body, bodyBytes) {
    const tools = new Map<string, OfferedTool>();
    const input = body["input"];
    collectTools(body["tools"], tools);
    // Codex passes the tools of its newest models as an item of the conversation.
    for (const item of objects(input)) {
      if (item["type"] === "additional_tools") collectTools(item["tools"], tools);
    }
    const turns: readonly Turn[] =
      typeof input === "string" ? [{ role: "user", text: input }] : objects(input).flatMap(itemTurns);
    return {
      model: text(body["model"]),
      stream: body["stream"] === true,
      turns,
      tools,
      cwd: findCwd([text(body["instructions"]), ...turns.map((turn) => turn.text)]),
      outputProperties: outputProperties(isObject(body["text"]) ? body["text"]["format"] : undefined),
      bodyBytes,
    };
  },
  encode: (conversation, usage) => new ResponsesEncoder(conversation, usage),
  error: openAiError,
};

function collectTools(offered: unknown, tools: Map<string, OfferedTool>, namespace?: string): void {
  for (const tool of objects(offered)) {
    const name = text(tool["name"]);
    if (tool["type"] === "namespace") {
      collectTools(tool["tools"], tools, name);
    } else if (name !== "") {
      const kind = tool["type"] === "custom" ? "custom" : "function";
      const base = { kind, parameters: parameterNames(tool["parameters"]) } as const;
      tools.set(name, namespace === undefined ? base : { ...base, namespace });
    }
  }
}

/** Error body of both OpenAI APIs. */
export function openAiError(status: number, message: string): JsonObject {
  const codes: { readonly [status: number]: string } = {
    401: "invalid_api_key",
    404: "not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
  };
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  return { error: { message, type, param: null, code: codes[status] ?? null } };
}

function itemTurns(item: JsonObject): readonly Turn[] {
  const type = text(item["type"]);
  if (type.endsWith("_output")) return [{ role: "tool", text: contentText(item["output"]) }];
  if (type !== "message" && type !== "") return [];
  const role = item["role"] === "assistant" ? "assistant" : "user";
  return [{ role, text: contentText(item["content"]) }];
}

class ResponsesEncoder extends ReplyEncoder implements Encoder {
  readonly #id = freshId("resp");
  readonly #output: JsonObject[] = [];
  #itemId = "";
  #sequence = 0;

  start(): string {
    const response = this.#response("in_progress");
    return this.#frame("response.created", { response }) + this.#frame("response.in_progress", { response });
  }

  open(kind: TextKind): string {
    this.#itemId = freshId(kind === "say" ? "msg" : "rs");
    const added = this.#frame("response.output_item.added", {
      output_index: this.#output.length,
      item: this.#textItem(kind, undefined),
    });
    if (kind === "say") return added + this.#part("response.content_part.added", kind, "");
    return added + this.#part("response.reasoning_summary_part.added", kind, "");
  }

  delta(kind: TextKind, piece: string): string {
    const event = kind === "say" ? "response.output_text.delta" : "response.reasoning_summary_text.delta";
    return this.#frame(event, { ...this.#place(kind), delta: piece });
  }

  close(kind: TextKind, whole: string): string {
    const done = kind === "say" ? "response.output_text.done" : "response.reasoning_summary_text.done";
    const partDone = kind === "say" ? "response.content_part.done" : "response.reasoning_summary_part.done";
    return (
      this.#frame(done, { ...this.#place(kind), text: whole }) +
      this.#part(partDone, kind, whole) +
      this.#itemDone(this.#textItem(kind, whole))
    );
  }

  tool(call: ToolCall): string {
    const base = {
      id: freshId(call.custom ? "ctc" : "fc"),
      call_id: freshId("call"),
      name: call.name,
      ...namespaceOf(call),
    };
    const output_index = this.#output.length;
    const place = { item_id: base.id, output_index };
    const type = call.custom ? "custom_tool_call" : "function_call";
    const field = call.custom ? "input" : "arguments";
    const event = call.custom ? "response.custom_tool_call_input" : "response.function_call_arguments";
    const item = { type, ...base, [field]: "", status: "in_progress" };
    return (
      this.#frame("response.output_item.added", { output_index, item }) +
      this.#frame(`${event}.delta`, { ...place, delta: call.input }) +
      this.#frame(`${event}.done`, { ...place, [field]: call.input }) +
      this.#itemDone({ ...item, [field]: call.input, status: "completed" })
    );
  }

  end(): string {
    return this.#frame("response.completed", { response: this.whole() });
  }

  whole(): JsonObject {
    const { inputTokens, outputTokens } = this.usage;
    return {
      ...this.#response("completed"),
      usage: {
        input_tokens: inputTokens,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: outputTokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: inputTokens + outputTokens,
      },
    };
  }

  #response(status: string): JsonObject {
    return {
      id: this.#id,
      object: "response",
      created_at: 1_700_000_000,
      status,
      model: this.model,
      output: [...this.#output],
      usage: null,
      error: null,
      incomplete_details: null,
      parallel_tool_calls: false,
    };
  }

  #textItem(kind: TextKind, whole: string | undefined): JsonObject {
    const content = whole === undefined ? [] : [textPart(kind, whole)];
    if (kind === "think") return { type: "reasoning", id: this.#itemId, summary: content };
    const status = whole === undefined ? "in_progress" : "completed";
    return { type: "message", id: this.#itemId, role: "assistant", status, content };
  }

  #place(kind: TextKind): JsonObject {
    const place = { item_id: this.#itemId, output_index: this.#output.length };
    return kind === "say" ? { ...place, content_index: 0 } : { ...place, summary_index: 0 };
  }

  #part(event: string, kind: TextKind, whole: string): string {
    return this.#frame(event, { ...this.#place(kind), part: textPart(kind, whole) });
  }

  #itemDone(item: JsonObject): string {
    const frame = this.#frame("response.output_item.done", { output_index: this.#output.length, item });
    this.#output.push(item);
    return frame;
  }

  #frame(type: string, fields: JsonObject): string {
    this.#sequence += 1;
    return typedFrame({ type, sequence_number: this.#sequence - 1, ...fields });
  }
}

function namespaceOf({ namespace }: ToolCall): JsonObject {
  return namespace === undefined ? {} : { namespace };
}

function textPart(kind: TextKind, whole: string): JsonObject {
  if (kind === "think") return { type: "summary_text", text: whole };
  return { type: "output_text", text: whole, annotations: [] };
}

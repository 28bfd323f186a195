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
import { openAiError } from "./responses.ts";
import type { ToolCall } from "./tools.ts";
import { type Encoder, freshId, ReplyEncoder, type TextKind, type Wire } from "./wire.ts";

/** OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat-streaming. */
export const chatWire: Wire = {
  parse(body, bodyBytes) {
    const tools = new Map<string, OfferedTool>();
    for (const tool of objects(body["tools"])) {
      if (!isObject(tool["function"])) continue;
      const { name, parameters } = tool["function"];
      tools.set(text(name), { kind: "function", parameters: parameterNames(parameters) });
    }
    const turns = objects(body["messages"]).map(messageTurn);
    return {
      model: text(body["model"]),
      stream: body["stream"] === true,
      turns,
      tools,
      cwd: findCwd(turns.map((turn) => turn.text)),
      outputProperties: outputProperties(body["response_format"]),
      bodyBytes,
    };
  },
  encode: (conversation, usage) => new ChatEncoder(conversation, usage),
  error: openAiError,
};

function messageTurn(message: JsonObject): Turn {
  const role = message["role"];
  const knownRole = role === "assistant" || role === "tool" ? role : "user";
  return { role: knownRole, text: contentText(message["content"]) };
}

class ChatEncoder extends ReplyEncoder implements Encoder {
  readonly #id = freshId("chatcmpl");
  readonly #calls: JsonObject[] = [];
  #content = "";
  #reasoning = "";

  start(): string {
    return this.#chunk({ role: "assistant", content: "" }, null);
  }

  open(): string {
    return "";
  }

  delta(kind: TextKind, piece: string): string {
    return this.#chunk(kind === "say" ? { content: piece } : { reasoning_content: piece }, null);
  }

  close(kind: TextKind, whole: string): string {
    if (kind === "say") this.#content += whole;
    else this.#reasoning += whole;
    return "";
  }

  tool(call: ToolCall): string {
    const index = this.#calls.length;
    const toolCall = {
      id: freshId("call"),
      type: "function",
      function: { name: call.name, arguments: call.input },
    };
    this.#calls.push(toolCall);
    return this.#chunk({ tool_calls: [{ index, ...toolCall }] }, null);
  }

  end(): string {
    const usage = this.#frame({ choices: [], usage: this.#usageFields() });
    return `${this.#chunk({}, this.#finishReason())}${usage}data: [DONE]\n\n`;
  }

  whole(): JsonObject {
    const message = {
      role: "assistant",
      content: this.#content,
      ...(this.#reasoning === "" ? {} : { reasoning_content: this.#reasoning }),
      ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls }),
    };
    return {
      ...this.#base("chat.completion"),
      choices: [{ index: 0, message, finish_reason: this.#finishReason(), logprobs: null }],
      usage: this.#usageFields(),
    };
  }

  #finishReason(): string {
    return this.#calls.length === 0 ? "stop" : "tool_calls";
  }

  #usageFields(): JsonObject {
    const { inputTokens, outputTokens } = this.usage;
    return {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    };
  }

  #base(object: string): JsonObject {
    return { id: this.#id, object, created: 1_700_000_000, model: this.model };
  }

  #chunk(delta: JsonObject, finishReason: string | null): string {
    return this.#frame({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
  }

  #frame(fields: JsonObject): string {
    return `data: ${JSON.stringify({ ...this.#base("chat.completion.chunk"), ...fields })}\n\n`;
  }
}

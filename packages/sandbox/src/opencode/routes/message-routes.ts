import { type Exchange, sendEmpty, sendJson } from "../../http/exchange.ts";
import { Heartbeat } from "../../http/heartbeat.ts";
import type { Session } from "../../sessions/session.ts";
import type { ContentBlocks } from "../../sessions/turns/prompt-queue.ts";
import type { PromptView } from "../../sessions/types.ts";
import type { RouteContext, RouteTable } from "../route-context.ts";
import { type SessionRegistry, textPrompt } from "../session-registry.ts";
import type { WireMessageWithParts } from "../wire.ts";
import { notFound } from "./errors.ts";
import { optionalText, readCount, readModel, readObject, readParts } from "./input.ts";

const maxMessages = 100_000;
const initPrompt =
  "Read this project and write AGENTS.md at its root, or bring the one that is there up to date: what it is, how it is built, tested and run, and the rules that its code follows. Keep it short.";
const summaryPrompt =
  "Summarise this conversation so that somebody else can go on with it: the goal, what was decided and why, what was changed and where, what is left. Do not change anything.";

/** `/opencode/session/{id}/message`: prompts and the resulting messages. */
export class OpenCodeMessageRoutes {
  readonly #registry: SessionRegistry;
  readonly #context: RouteContext;

  constructor(registry: SessionRegistry, context: RouteContext) {
    this.#registry = registry;
    this.#context = context;
  }

  routes(): RouteTable {
    const one = "/opencode/session/:sessionID";
    return {
      [`${one}/message`]: {
        GET: (exchange) => this.#list(exchange),
        POST: (exchange) => this.#promptAndWait(exchange),
      },
      [`${one}/message/:messageID`]: {
        GET: (exchange) => sendJson(exchange.response, this.#message(exchange)),
      },
      [`${one}/message/:messageID/part/:partID`]: { GET: (exchange) => this.#part(exchange) },
      [`${one}/prompt_async`]: { POST: (exchange) => this.#promptAsync(exchange) },
      [`${one}/init`]: { POST: (exchange) => this.#init(exchange) },
      [`${one}/summarize`]: { POST: (exchange) => this.#summarize(exchange) },
    };
  }

  #session({ params }: Exchange): Session {
    return this.#registry.get(params.sessionID ?? "");
  }

  #list(exchange: Exchange): void {
    const limit = readCount(exchange, "limit", maxMessages) ?? maxMessages;
    const messages = this.#registry.hub.transcript(this.#session(exchange)).messages;
    sendJson(exchange.response, limit === 0 ? [] : messages.slice(-limit));
  }

  #message(exchange: Exchange): WireMessageWithParts {
    const messages = this.#registry.hub.transcript(this.#session(exchange)).messages;
    const id = exchange.params.messageID ?? "";
    const message = messages.find(({ info }) => info.id === id);
    if (message) return message;
    throw notFound("message", id);
  }

  #part(exchange: Exchange): void {
    const id = exchange.params.partID ?? "";
    const part = this.#message(exchange).parts.find((each) => each.id === id);
    if (!part) throw notFound("part", id);
    sendJson(exchange.response, part);
  }

  async #queuePrompt(
    exchange: Exchange,
  ): Promise<{ readonly session: Session; readonly prompt: PromptView }> {
    const session = this.#session(exchange);
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const target = { model: readModel(fields), agent: optionalText(fields, "agent") };
    const messageId = optionalText(fields, "messageID");
    const prompt = await this.#registry.prompt(session, target, readParts(fields), messageId);
    return { session, prompt };
  }

  async #promptAndWait(exchange: Exchange): Promise<void> {
    const { session, prompt } = await this.#queuePrompt(exchange);
    await this.#respondWhenSettled(exchange, this.#registry.waitForReply(session, prompt.id));
  }

  async #promptAsync(exchange: Exchange): Promise<void> {
    await this.#queuePrompt(exchange);
    sendEmpty(exchange.response, 204);
  }

  async #init(exchange: Exchange): Promise<void> {
    await this.#promptWith(exchange, textPrompt(initPrompt));
  }

  /** Agents with a `/compact` command compact their context; all others write a summary. */
  async #summarize(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const canCompact = offersCommand(session, "compact");
    await this.#promptWith(exchange, textPrompt(canCompact ? "/compact" : summaryPrompt));
  }

  async #promptWith(exchange: Exchange, content: ContentBlocks): Promise<void> {
    const session = this.#session(exchange);
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const { providerID } = fields;
    const model = typeof providerID === "string" ? readModel({ model: fields }) : undefined;
    const prompt = await this.#registry.prompt(
      session,
      { model },
      content,
      optionalText(fields, "messageID"),
    );
    await this.#respondWhenSettled(
      exchange,
      this.#registry.waitForPrompt(session, prompt.id).then(({ status }) => status === "completed"),
    );
  }

  /** A turn may take hours: whitespace before the JSON keeps the connection open. */
  async #respondWhenSettled(exchange: Exchange, work: Promise<unknown>): Promise<void> {
    const heartbeat = new Heartbeat(exchange.response, this.#context.heartbeatMs);
    heartbeat.start();
    try {
      exchange.response.end(JSON.stringify(await work));
    } finally {
      heartbeat.stop();
    }
  }
}

/** Whether the agent has announced a command. */
function offersCommand(session: Session, name: string): boolean {
  for (const { sender, payload } of session.log.backwards(session.log.lastSequence)) {
    if (sender !== "agent" || !payload.includes('"available_commands_update"')) continue;
    return payload.includes(`"name":"${name}"`);
  }
  return false;
}

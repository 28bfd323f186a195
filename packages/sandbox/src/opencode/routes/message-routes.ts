import { type Exchange, sendEmpty, sendJson } from "../../http/exchange.ts";
import { Heartbeat } from "../../http/heartbeat.ts";
import type { Session } from "../../sessions/session.ts";
import type { ContentBlocks } from "../../sessions/turns/prompt-queue.ts";
import type { PromptView } from "../../sessions/types.ts";
import { type SessionRegistry, textPrompt } from "../session-registry.ts";
import type { RouteTable, Shared } from "../shared.ts";
import type { WireMessageWithParts } from "../wire.ts";
import { notThere } from "./errors.ts";
import { countOf, optionalText, readFields, readModel, readParts } from "./input.ts";

const maxListed = 100_000;
const initPrompt =
  "Read this project and write AGENTS.md at its root, or bring the one that is there up to date: what it is, how it is built, tested and run, and the rules that its code follows. Keep it short.";
const summaryPrompt =
  "Summarise this conversation so that somebody else can go on with it: the goal, what was decided and why, what was changed and where, what is left. Do not change anything.";

/** `/opencode/session/{id}/message`: prompts, and what came of them. */
export class OpenCodeMessageRoutes {
  readonly #desk: SessionRegistry;
  readonly #shared: Shared;

  constructor(desk: SessionRegistry, shared: Shared) {
    this.#desk = desk;
    this.#shared = shared;
  }

  routes(): RouteTable {
    const one = "/opencode/session/:sessionID";
    return {
      [`${one}/message`]: {
        GET: (exchange) => this.#list(exchange),
        POST: (exchange) => this.#ask(exchange),
      },
      [`${one}/message/:messageID`]: {
        GET: (exchange) => sendJson(exchange.response, this.#message(exchange)),
      },
      [`${one}/message/:messageID/part/:partID`]: { GET: (exchange) => this.#part(exchange) },
      [`${one}/prompt_async`]: { POST: (exchange) => this.#accept(exchange) },
      [`${one}/init`]: { POST: (exchange) => this.#init(exchange) },
      [`${one}/summarize`]: { POST: (exchange) => this.#summarize(exchange) },
    };
  }

  #session({ params }: Exchange): Session {
    return this.#desk.get(params.sessionID ?? "");
  }

  #list(exchange: Exchange): void {
    const limit = countOf(exchange, "limit", maxListed) ?? maxListed;
    const messages = this.#desk.hub.transcript(this.#session(exchange)).messages;
    sendJson(exchange.response, limit === 0 ? [] : messages.slice(-limit));
  }

  #message(exchange: Exchange): WireMessageWithParts {
    const messages = this.#desk.hub.transcript(this.#session(exchange)).messages;
    const id = exchange.params.messageID ?? "";
    const message = messages.find(({ info }) => info.id === id);
    if (message) return message;
    throw notThere("message", id);
  }

  #part(exchange: Exchange): void {
    const id = exchange.params.partID ?? "";
    const part = this.#message(exchange).parts.find((each) => each.id === id);
    if (!part) throw notThere("part", id);
    sendJson(exchange.response, part);
  }

  async #prompt(exchange: Exchange): Promise<{ readonly session: Session; readonly prompt: PromptView }> {
    const session = this.#session(exchange);
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
    const wanted = { model: readModel(fields), agent: optionalText(fields, "agent") };
    const messageId = optionalText(fields, "messageID");
    const prompt = await this.#desk.prompt(session, wanted, readParts(fields), messageId);
    return { session, prompt };
  }

  async #ask(exchange: Exchange): Promise<void> {
    const { session, prompt } = await this.#prompt(exchange);
    await this.#waitFor(exchange, this.#desk.answer(session, prompt.id));
  }

  async #accept(exchange: Exchange): Promise<void> {
    await this.#prompt(exchange);
    sendEmpty(exchange.response, 204);
  }

  async #init(exchange: Exchange): Promise<void> {
    await this.#own(exchange, textPrompt(initPrompt));
  }

  /** Agents that can make their memory shorter by themselves are told so; others write a summary. */
  async #summarize(exchange: Exchange): Promise<void> {
    const session = this.#session(exchange);
    const compacts = offersCommand(session, "compact");
    await this.#own(exchange, textPrompt(compacts ? "/compact" : summaryPrompt));
  }

  async #own(exchange: Exchange, content: ContentBlocks): Promise<void> {
    const session = this.#session(exchange);
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
    const { providerID } = fields;
    const model = typeof providerID === "string" ? readModel({ model: fields }) : undefined;
    const prompt = await this.#desk.prompt(session, { model }, content, optionalText(fields, "messageID"));
    await this.#waitFor(
      exchange,
      this.#desk.settled(session, prompt.id).then(({ status }) => status === "completed"),
    );
  }

  /** A turn may take hours: blanks in front of the JSON keep the connection. */
  async #waitFor(exchange: Exchange, work: Promise<unknown>): Promise<void> {
    const heartbeat = new Heartbeat(exchange.response, this.#shared.heartbeatMs);
    heartbeat.start();
    try {
      exchange.response.end(JSON.stringify(await work));
    } finally {
      heartbeat.stop();
    }
  }
}

/** Whether the agent has said that it knows a command. */
function offersCommand(session: Session, name: string): boolean {
  for (const { sender, payload } of session.log.backwards(session.log.lastSequence)) {
    if (sender !== "agent" || !payload.includes('"available_commands_update"')) continue;
    return payload.includes(`"name":"${name}"`);
  }
  return false;
}

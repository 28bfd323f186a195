import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import type { Hub } from "../hub.ts";
import type { RouteContext, RouteTable } from "../route-context.ts";
import type { Fields } from "../wire.ts";
import { readObject } from "./input.ts";

/** Maps routes to OpenCode's names of terminal commands. */
const terminalCommands: Readonly<Record<string, string>> = {
  "clear-prompt": "prompt.clear",
  "submit-prompt": "prompt.submit",
  "open-help": "help.show",
  "open-models": "model.list",
  "open-sessions": "session.list",
  "open-themes": "theme.list",
};

/** `/opencode/tui/*`: lets programs control attached terminals through events. */
export class OpenCodeTuiRoutes {
  readonly #hub: Hub;
  readonly #context: RouteContext;

  constructor(hub: Hub, context: RouteContext) {
    this.#hub = hub;
    this.#context = context;
  }

  routes(): RouteTable {
    const commandRoutes = Object.entries(terminalCommands).map(([name, command]) => [
      `/opencode/tui/${name}`,
      {
        POST: ({ response }: Exchange) => {
          this.#hub.publish({ type: "tui.command.execute", properties: { command } });
          sendJson(response, true);
        },
      },
    ]);
    return {
      ...Object.fromEntries(commandRoutes),
      "/opencode/tui/append-prompt": { POST: (e) => this.#publishText(e, "tui.prompt.append", "text") },
      "/opencode/tui/execute-command": {
        POST: (e) => this.#publishText(e, "tui.command.execute", "command"),
      },
      "/opencode/tui/show-toast": { POST: (e) => this.#publishText(e, "tui.toast.show", "message") },
      "/opencode/tui/publish": { POST: (exchange) => this.#publishEvent(exchange) },
      // Terminals are controlled by events alone, so this queue is always empty.
      "/opencode/tui/control/next": { GET: ({ response }) => sendJson(response, { path: "", body: {} }) },
      "/opencode/tui/control/response": { POST: ({ response }) => sendJson(response, true) },
    };
  }

  async #publishText(exchange: Exchange, type: string, field: string): Promise<void> {
    const properties = await this.#readFields(exchange);
    if (typeof properties[field] !== "string") throw invalid(`${field} must be a string`);
    this.#hub.publish({ type, properties });
    sendJson(exchange.response, true);
  }

  /** Publishes a terminal event. Session events come from this server only. */
  async #publishEvent(exchange: Exchange): Promise<void> {
    const { type, properties } = await this.#readFields(exchange);
    if (typeof type !== "string" || !type.startsWith("tui.") || !isRecord(properties)) {
      throw invalid("an event needs properties and a type that starts with tui.");
    }
    this.#hub.publish({ type, properties });
    sendJson(exchange.response, true);
  }

  async #readFields(exchange: Exchange): Promise<Fields> {
    return await readObject(exchange, this.#context.maxTuiBytes);
  }
}

import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import type { Hub } from "../hub.ts";
import type { RouteTable, Shared } from "../shared.ts";
import type { Fields } from "../wire.ts";
import { readFields } from "./input.ts";

/** What each of these does in a terminal that is attached: OpenCode's names for its commands. */
const commands: Readonly<Record<string, string>> = {
  "clear-prompt": "prompt.clear",
  "submit-prompt": "prompt.submit",
  "open-help": "help.show",
  "open-models": "model.list",
  "open-sessions": "session.list",
  "open-themes": "theme.list",
};

/** `/opencode/tui/*`: programs that steer the terminals that are attached, by events. */
export class OpenCodeTuiRoutes {
  readonly #hub: Hub;
  readonly #shared: Shared;

  constructor(hub: Hub, shared: Shared) {
    this.#hub = hub;
    this.#shared = shared;
  }

  routes(): RouteTable {
    const fixed = Object.entries(commands).map(([name, command]) => [
      `/opencode/tui/${name}`,
      {
        POST: ({ response }: Exchange) => {
          this.#hub.publish({ type: "tui.command.execute", properties: { command } });
          sendJson(response, true);
        },
      },
    ]);
    return {
      ...Object.fromEntries(fixed),
      "/opencode/tui/append-prompt": { POST: (e) => this.#tell(e, "tui.prompt.append", "text") },
      "/opencode/tui/execute-command": { POST: (e) => this.#tell(e, "tui.command.execute", "command") },
      "/opencode/tui/show-toast": { POST: (e) => this.#tell(e, "tui.toast.show", "message") },
      "/opencode/tui/publish": { POST: (exchange) => this.#publish(exchange) },
      // Terminals are steered by events alone: nothing waits here.
      "/opencode/tui/control/next": { GET: ({ response }) => sendJson(response, { path: "", body: {} }) },
      "/opencode/tui/control/response": { POST: ({ response }) => sendJson(response, true) },
    };
  }

  async #tell(exchange: Exchange, type: string, needed: string): Promise<void> {
    const properties = await this.#fields(exchange);
    if (typeof properties[needed] !== "string") throw invalid(`${needed} must be a text`);
    this.#hub.publish({ type, properties });
    sendJson(exchange.response, true);
  }

  /** Only what is for terminals: what happens in sessions is told by this server alone. */
  async #publish(exchange: Exchange): Promise<void> {
    const { type, properties } = await this.#fields(exchange);
    if (typeof type !== "string" || !type.startsWith("tui.") || !isRecord(properties)) {
      throw invalid("an event has a type that begins with tui. and properties");
    }
    this.#hub.publish({ type, properties });
    sendJson(exchange.response, true);
  }

  async #fields(exchange: Exchange): Promise<Fields> {
    return await readFields(exchange, this.#shared.maxTuiBytes);
  }
}

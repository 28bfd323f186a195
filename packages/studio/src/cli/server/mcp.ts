/** `holdfast mcp studio`: the Studio's tools on standard input and output. */
import {
  askControl,
  dataDirectoryOf,
  endLogin,
  exchangeTicket,
  noArguments,
  notRunning,
  type OwnerLink,
  parse,
  UsageError,
} from "@holdfast/cli";
import { loadApiDescription } from "../../api/description.ts";
import { type TokenScope, tokenScopes } from "../../contract/people.ts";
import { HttpCaller } from "../../mcp/caller.ts";
import { serveStdio } from "../../mcp/server.ts";
import { toolsOf } from "../../mcp/tools.ts";

export const mcpUsage = `holdfast mcp studio [options]

Serves the Model Context Protocol on standard input and output, so that an assistant can start, follow,
review and publish tasks. Without --url it acts for the owner of the running Studio of the data directory.

  --scope SCOPE    read, write (default) or all: what is offered. Only all answers questions of the gate
                   and of agents: an agent must not approve itself
  --url URL        a Studio elsewhere, with --token
  --token TOKEN    an API token (default: HOLDFAST_API_TOKEN)
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast)`;

export async function mcpCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ scope: { type: "string" }, url: { type: "string" }, token: { type: "string" } },
  } as const);
  if (values.help === true) {
    console.log(mcpUsage);
    return 0;
  }
  noArguments(positionals);
  const scope = scopeOf(values.scope);
  const token = values.token ?? process.env["HOLDFAST_API_TOKEN"];
  if ((values.url === undefined) !== (token === undefined) && values.url !== undefined)
    throw new UsageError("--url needs --token, or HOLDFAST_API_TOKEN");
  if (values.token !== undefined && values.url === undefined) throw new UsageError("--token needs --url");
  const owner = new OwnerCaller(dataDirectoryOf(values.data));
  const remote =
    values.url === undefined
      ? undefined
      : new HttpCaller(values.url.replace(/\/+$/, ""), { authorization: `Bearer ${token}` });
  const tools = toolsOf(await loadApiDescription(), scope);
  await serveStdio({ tools, caller: async () => remote ?? (await owner.caller()) });
  await owner.close();
  return 0;
}

/** Signs in at the running Studio on first use, and again after it was restarted at another address. */
class OwnerCaller {
  readonly #data: string;
  #login: { readonly url: string; readonly cookie: string; readonly caller: HttpCaller } | undefined;

  constructor(data: string) {
    this.#data = data;
  }

  /** Throws `control.not_running`. */
  async caller(): Promise<HttpCaller> {
    if (this.#login !== undefined && (await isUp(this.#login.url))) return this.#login.caller;
    const link = await askControl<OwnerLink>(this.#data, "/url");
    if (link === undefined) throw notRunning();
    const cookie = await exchangeTicket(link.url, link.ticket);
    this.#login = { url: link.url, cookie, caller: new HttpCaller(link.url, { cookie }) };
    return this.#login.caller;
  }

  async close(): Promise<void> {
    if (this.#login !== undefined) await endLogin(this.#login.url, this.#login.cookie);
  }
}

async function isUp(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/health`).catch(() => undefined);
  return answer?.ok === true;
}

/** Throws a usage error. */
function scopeOf(given: string | undefined): TokenScope {
  const scope = tokenScopes.find((each) => each === (given ?? "write"));
  if (scope === undefined) throw new UsageError(`--scope is one of ${tokenScopes.join(", ")}`);
  return scope;
}

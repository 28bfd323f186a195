import { join, resolve } from "node:path";
import { withSystemErrors } from "../fs/failures.ts";
import {
  type Exchange,
  parseJson,
  readText,
  requireJsonContent,
  sendEmpty,
  sendJson,
} from "../http/exchange.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import { type ConfigFiles, type ConfigName, configPath } from "./config-file.ts";
import { parseMcpServer } from "./mcp-server.ts";
import { parseSkills } from "./skill-source.ts";

export interface ConfigRoutesOptions {
  readonly files: ConfigFiles;
  /** Base of relative directories. */
  readonly cwd: string;
  /** Directory that `~` refers to. */
  readonly home: string;
  readonly maxConfigBytes: number;
}

interface ConfigKind {
  readonly name: ConfigName;
  /** Query parameter with the name of an entry. */
  readonly parameter: string;
  /** Alias of that parameter, which the peer accepts too. */
  readonly alias: string;
  readonly parse: (value: unknown) => unknown;
}

const kinds: readonly ConfigKind[] = [
  { name: "mcp", parameter: "mcpName", alias: "mcp_name", parse: parseMcpServer },
  { name: "skills", parameter: "skillName", alias: "skill_name", parse: parseSkills },
];

/** Routes `/v1/config/mcp` and `/v1/config/skills`: the MCP servers and skills that agents get in a directory. */
export class ConfigRoutes {
  readonly #options: ConfigRoutesOptions;

  constructor(options: ConfigRoutesOptions) {
    this.#options = options;
  }

  routes(): readonly Route[] {
    return kinds.flatMap(
      (kind) =>
        [
          {
            path: `/v1/config/${kind.name}`,
            methods: {
              GET: withSystemErrors((exchange) => this.#get(kind, exchange)),
              PUT: withSystemErrors((exchange) => this.#put(kind, exchange)),
              DELETE: withSystemErrors((exchange) => this.#delete(kind, exchange)),
            },
          },
          {
            path: `/v1/config/${kind.name}/names`,
            methods: { GET: withSystemErrors((exchange) => this.#list(kind, exchange)) },
          },
        ] satisfies Route[],
    );
  }

  async #get(kind: ConfigKind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entryOf(kind, exchange);
    const entries = await this.#options.files.read(path);
    if (!Object.hasOwn(entries, name)) {
      const sessionId = `${kind.name}:${name}`;
      throw problem("session_not_found", 404, `there is no ${kind.name} configuration "${name}"`, {
        sessionId,
      });
    }
    sendJson(exchange.response, parseEntry(kind, path, entries[name]));
  }

  async #put(kind: ConfigKind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entryOf(kind, exchange);
    requireJsonContent(exchange);
    const value = kind.parse(parseJson(await readText(exchange, this.#options.maxConfigBytes)));
    await this.#options.files.set(path, name, value);
    sendEmpty(exchange.response, 204);
  }

  async #delete(kind: ConfigKind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entryOf(kind, exchange);
    await this.#options.files.set(path, name, undefined);
    sendEmpty(exchange.response, 204);
  }

  async #list(kind: ConfigKind, exchange: Exchange): Promise<void> {
    const entries = await this.#options.files.read(this.#path(kind, exchange));
    sendJson(exchange.response, { names: Object.keys(entries).sort() });
  }

  #entryOf(kind: ConfigKind, exchange: Exchange): { readonly path: string; readonly name: string } {
    const path = this.#path(kind, exchange);
    return { path, name: requiredParameter(exchange, kind.parameter, kind.alias) };
  }

  #path(kind: ConfigKind, exchange: Exchange): string {
    const { cwd, home } = this.#options;
    const directory = requiredParameter(exchange, "directory");
    const isHome = directory === "~" || directory.startsWith("~/");
    return configPath(isHome ? join(home, directory.slice(1)) : resolve(cwd, directory), kind.name);
  }
}

/** Parses a stored entry. An error names the file, which may have been edited by hand. */
function parseEntry(kind: ConfigKind, path: string, value: unknown): unknown {
  try {
    return kind.parse(value);
  } catch (error) {
    throw invalid(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function requiredParameter(exchange: Exchange, name: string, alias?: string): string {
  const { query } = exchange;
  const aliasValue = alias === undefined ? null : query.get(alias);
  if (aliasValue !== null && query.has(name))
    throw invalid(`query parameter '${name}' is given more than once`);
  const value = (aliasValue ?? query.get(name))?.trim();
  if (value === undefined || value === "") throw invalid(`missing required '${name}' query parameter`);
  return value;
}

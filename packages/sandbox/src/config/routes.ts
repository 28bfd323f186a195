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
  /** What relative directories start at. */
  readonly cwd: string;
  /** The directory that `~` stands for. */
  readonly home: string;
  readonly maxConfigBytes: number;
}

interface Kind {
  readonly name: ConfigName;
  /** The query parameter that names an entry. */
  readonly parameter: string;
  /** Another name of that parameter, which the peer takes too. */
  readonly alias: string;
  readonly parse: (value: unknown) => unknown;
}

const kinds: readonly Kind[] = [
  { name: "mcp", parameter: "mcpName", alias: "mcp_name", parse: parseMcpServer },
  { name: "skills", parameter: "skillName", alias: "skill_name", parse: parseSkills },
];

/** `/v1/config/mcp` and `/v1/config/skills`: what agents get in a directory, by name. */
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
            methods: { GET: withSystemErrors((exchange) => this.#names(kind, exchange)) },
          },
        ] satisfies Route[],
    );
  }

  async #get(kind: Kind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entry(kind, exchange);
    const entries = await this.#options.files.read(path);
    if (!Object.hasOwn(entries, name)) {
      const sessionId = `${kind.name}:${name}`;
      throw problem("session_not_found", 404, `there is no ${kind.name} configuration "${name}"`, {
        sessionId,
      });
    }
    sendJson(exchange.response, readEntry(kind, path, entries[name]));
  }

  async #put(kind: Kind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entry(kind, exchange);
    requireJsonContent(exchange);
    const value = kind.parse(parseJson(await readText(exchange, this.#options.maxConfigBytes)));
    await this.#options.files.change(path, name, value);
    sendEmpty(exchange.response, 204);
  }

  async #delete(kind: Kind, exchange: Exchange): Promise<void> {
    const { path, name } = this.#entry(kind, exchange);
    await this.#options.files.change(path, name, undefined);
    sendEmpty(exchange.response, 204);
  }

  async #names(kind: Kind, exchange: Exchange): Promise<void> {
    const entries = await this.#options.files.read(this.#path(kind, exchange));
    sendJson(exchange.response, { names: Object.keys(entries).sort() });
  }

  #entry(kind: Kind, exchange: Exchange): { readonly path: string; readonly name: string } {
    const path = this.#path(kind, exchange);
    return { path, name: filled(exchange, kind.parameter, kind.alias) };
  }

  #path(kind: Kind, exchange: Exchange): string {
    const { cwd, home } = this.#options;
    const given = filled(exchange, "directory");
    const isHome = given === "~" || given.startsWith("~/");
    return configPath(isHome ? join(home, given.slice(1)) : resolve(cwd, given), kind.name);
  }
}

/** What somebody has written into the file by hand is a fault of the file, not of the request. */
function readEntry(kind: Kind, path: string, value: unknown): unknown {
  try {
    return kind.parse(value);
  } catch (error) {
    throw invalid(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function filled(exchange: Exchange, name: string, alias?: string): string {
  const { query } = exchange;
  const other = alias === undefined ? null : query.get(alias);
  if (other !== null && query.has(name)) throw invalid(`query parameter '${name}' is given more than once`);
  const value = (other ?? query.get(name))?.trim();
  if (value === undefined || value === "") throw invalid(`missing required '${name}' query parameter`);
  return value;
}

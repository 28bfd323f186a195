import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isParams, type Params, RpcError } from "./rpc.ts";

/** "ask" requests permission for changes, "auto" does not, and "plan" changes nothing. */
export type Mode = "ask" | "auto" | "plan";

/** A conversation of the demo agent. Its updates are stored in a file below HOME, so that they survive the process. */
export class Session {
  readonly id: string;
  readonly cwd: string;
  readonly updates: Params[];
  /** As the client sent them with `session/new` or `session/load`. */
  readonly mcpServers: readonly unknown[];
  mode: Mode = "ask";
  model = "mock";
  thoughtLevel = "low";
  /** The user has chosen "always" in this process. */
  alwaysAllowed = false;
  /** Abort controllers of the running turn and of those queued behind it. */
  readonly turns = new Set<AbortController>();
  /** Settles when the last queued turn has ended. Turns run one at a time. */
  lastTurn: Promise<unknown> = Promise.resolve();

  constructor(id: string, cwd: string, mcpServers: readonly unknown[], updates: Params[]) {
    this.id = id;
    this.cwd = cwd;
    this.mcpServers = mcpServers;
    this.updates = updates;
  }

  /** Stores an update for a later `session/load`. */
  record(update: Params): void {
    this.updates.push(update);
    appendFileSync(sessionFile(this.id), `${JSON.stringify(update)}\n`);
  }
}

/** Registry of the open sessions, with a log file for each below HOME. */
export class Sessions {
  readonly #open = new Map<string, Session>();

  create(cwd: string, mcpServers: readonly unknown[]): Session {
    const session = new Session(randomUUID(), cwd, mcpServers, []);
    mkdirSync(directory(), { recursive: true, mode: 0o700 });
    appendFileSync(sessionFile(session.id), `${JSON.stringify({ version: 1, cwd })}\n`, { mode: 0o600 });
    this.#open.set(session.id, session);
    return session;
  }

  /** Loads a session of an earlier process with its updates. */
  load(id: string, cwd: string, mcpServers: readonly unknown[]): Session {
    if (!/^[0-9a-f-]{36}$/.test(id) || !existsSync(sessionFile(id))) {
      throw new RpcError(-32002, `There is no session ${id}`);
    }
    const [, ...lines] = readFileSync(sessionFile(id), "utf8").split("\n");
    const session = new Session(id, cwd, mcpServers, lines.flatMap(parseUpdate));
    this.#open.set(id, session);
    return session;
  }

  get(id: unknown): Session {
    const session = typeof id === "string" ? this.#open.get(id) : undefined;
    if (!session) throw new RpcError(-32602, `There is no open session ${String(id)}`);
    return session;
  }

  find(id: unknown): Session | undefined {
    return typeof id === "string" ? this.#open.get(id) : undefined;
  }
}

function directory(): string {
  return join(process.env.HOME ?? homedir(), ".holdfast", "demo-sessions");
}

function sessionFile(id: string): string {
  return join(directory(), `${id}.jsonl`);
}

/** A kill during a write leaves an incomplete last line, which is ignored. */
function parseUpdate(line: string): Params[] {
  try {
    const value: unknown = JSON.parse(line);
    return isParams(value) ? [value] : [];
  } catch {
    return [];
  }
}

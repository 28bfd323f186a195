import {
  type ClientMcpServers,
  type McpServer,
  SandboxAgent,
  SandboxDestroyedError,
  type SandboxProvider,
  type Session,
  type SessionEvent,
} from "@holdfast/sandbox-client";
import { ActorSessionPersistDriver } from "@holdfast/sandbox-client/persist/actor";
import type { AgentOptions, AgentSandbox } from "../options.ts";
import type { ChatContext } from "./context.ts";

/** The id of the program's own tools among the MCP servers of a session. */
export const toolsId = "tools";

/**
 * Providers of actors, by actor id. A provider knows the sandboxes that it has made, so it has to outlive the sleep of
 * its actor.
 */
export type Providers = Map<string, AgentSandbox>;

/** Writes of the client's messages are durable before the agent gets them. */
class DurableDriver extends ActorSessionPersistDriver {
  readonly #c: ChatContext;

  constructor(c: ChatContext) {
    super(c.db);
    this.#c = c;
  }

  override async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    await super.insertEvent(sessionId, event);
    if (event.sender === "client") await this.#c.saveState();
  }
}

/** The sandbox of one actor and the agent's session in it: made when they are needed, found again after a sleep. */
export class Connection {
  readonly #c: ChatContext;
  readonly #options: AgentOptions;
  readonly #providers: Providers;
  readonly #mcpServers: ClientMcpServers;
  readonly #hasTools: boolean;
  #client: Promise<SandboxAgent> | undefined;

  constructor(c: ChatContext, options: AgentOptions, providers: Providers, mcpServers: ClientMcpServers) {
    this.#c = c;
    this.#options = options;
    this.#providers = providers;
    this.#mcpServers = mcpServers;
    this.#hasTools = Object.keys(mcpServers).length > 0;
  }

  get sessionId(): string {
    return `chat-${this.#c.state.session}`;
  }

  async client(): Promise<SandboxAgent> {
    this.#client ??= this.#connect();
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }

  /** The session of the chat, opened or restored. */
  async session(): Promise<Session> {
    const client = await this.client();
    const { agent, cwd, model, mode, thoughtLevel, mcpServers = [] } = this.#options;
    const own: McpServer[] = this.#hasTools ? [{ type: "acp", name: "program", id: toolsId }] : [];
    return await client.resumeOrCreateSession({
      id: this.sessionId,
      agent,
      sessionInit: { cwd: cwd ?? (await defaultCwd(client)), mcpServers: [...own, ...mcpServers] },
      ...(model === undefined ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
      ...(thoughtLevel === undefined ? {} : { thoughtLevel }),
    });
  }

  /** Gives the connection up after a failure; the next turn makes another one. The sandbox stays. */
  async drop(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.dispose();
  }

  async sleep(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    if (client === undefined) return;
    const { whenAsleep = client.sandbox?.pause === undefined ? "keep" : "pause" } = this.#options;
    if (client.sandbox === undefined || whenAsleep === "keep") await client.dispose();
    else if (whenAsleep === "pause") await client.pauseSandbox();
    else await client.destroySandbox();
  }

  /** Destroys the sandbox, also one that no client is connected to. */
  async destroy(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.dispose();
    const { sandboxId } = this.#c.state;
    const given = await this.#given();
    if (sandboxId !== undefined && isProvider(given) && sandboxId.startsWith(`${given.name}/`))
      await given.destroy(sandboxId.slice(given.name.length + 1));
    this.#providers.delete(this.#c.actorId);
  }

  async #connect(): Promise<SandboxAgent> {
    const common = { persist: new DurableDriver(this.#c), mcpServers: this.#mcpServers };
    const given = await this.#given();
    if (!isProvider(given)) {
      const { baseUrl = "http://sandbox", headers, ...rest } = given;
      return await SandboxAgent.connect({
        ...rest,
        ...common,
        baseUrl,
        ...(headers ? { headers: { ...headers } } : {}),
      });
    }
    const { sandboxId } = this.#c.state;
    if (sandboxId?.startsWith(`${given.name}/`)) {
      try {
        return await SandboxAgent.start({ ...common, sandbox: given, sandboxId });
      } catch (error) {
        if (!(error instanceof SandboxDestroyedError)) throw error;
      }
    }
    const client = await SandboxAgent.start({ ...common, sandbox: given });
    this.#c.state.sandboxId = client.sandboxId;
    await this.#c.saveState();
    return client;
  }

  async #given(): Promise<AgentSandbox> {
    const { sandbox } = this.#options;
    const { actorId, name, key } = this.#c;
    const given =
      this.#providers.get(actorId) ??
      (typeof sandbox === "function" ? await sandbox({ actorId, name, key }) : sandbox);
    this.#providers.set(actorId, given);
    return given;
  }
}

function isProvider(sandbox: AgentSandbox): sandbox is SandboxProvider {
  return "create" in sandbox && typeof sandbox.create === "function";
}

async function defaultCwd(client: SandboxAgent): Promise<string> {
  // Relative paths of the file routes start at the home of the server.
  return client.sandbox?.defaultCwd ?? (await client.mkdirFs({ path: "." })).path;
}

import { HoldfastError } from "@holdfast/core";
import type { ProviderName } from "@holdfast/gate";
import { AcpRpcError, type SandboxAgent, type Session, type SessionEvent } from "@holdfast/sandbox-client";
import type { ActorSessionPersistDriver } from "@holdfast/sandbox-client/persist/actor";
import { invalid, notFound } from "../errors.ts";
import type {
  AgentListEntry,
  CreateSessionOptions,
  JsonRpcNotification,
  JsonRpcResponse,
  McpServer,
  PermissionReply,
  PermissionRequest,
  PersistedSessionEvent,
  PersistedSessionRecord,
  PromptResult,
  SequencedEvent,
  SessionRecord,
} from "../types.ts";
import { readPath, readRecord, readText, readVariables } from "./input.ts";
import type { Vm } from "./vm.ts";

/** Hooks of the program. */
export interface SessionHooks {
  onEvent(sessionId: string, event: JsonRpcNotification): void;
  onPermission(sessionId: string, request: PermissionRequest): void;
}

/** What every session of a machine is told with its first prompt. */
export interface SessionInstructions {
  /** Left out where a session wants none. */
  readonly additional: string | undefined;
  /** The tools that the machine has. */
  readonly tools: string | undefined;
}

const replies: readonly unknown[] = ["once", "always", "reject"];
/** Variables that agents elsewhere take their model's key from. */
const keyVariables: Readonly<Record<string, ProviderName>> = {
  ANTHROPIC_API_KEY: "anthropic",
  ANTHROPIC_AUTH_TOKEN: "anthropic",
  OPENAI_API_KEY: "openai",
  GEMINI_API_KEY: "google",
  GOOGLE_API_KEY: "google",
};

/** Conversations with agents in a machine. Their events are stored in the actor before anybody sees them. */
export class Sessions {
  readonly #vm: Vm;
  readonly #driver: ActorSessionPersistDriver;
  readonly #hooks: SessionHooks;
  /** Sessions whose events are passed on, by the client that has them. */
  readonly #watched = new WeakMap<SandboxAgent, Set<string>>();
  /** Texts of the turns that run, by session. */
  readonly #texts = new Map<string, string[]>();
  /** Instructions that go with the first prompt. */
  readonly #instructions = new Map<string, string>();
  readonly #ofMachine: SessionInstructions;
  #nextId = 1;

  constructor(
    vm: Vm,
    driver: ActorSessionPersistDriver,
    hooks: SessionHooks,
    ofMachine: SessionInstructions,
  ) {
    this.#vm = vm;
    this.#ofMachine = ofMachine;
    this.#driver = driver;
    this.#hooks = hooks;
  }

  async create(agentType: unknown, given: unknown): Promise<SessionRecord> {
    const agent = readText(agentType, "The agent");
    const options = given === undefined ? {} : readSessionOptions(given);
    return this.#vm.change(async (client, machine) => {
      requireKeys(options, machine.providers);
      const mcpServers = (options.mcpServers ?? []).map(toAcpServer);
      const sessionInit = { cwd: options.cwd ?? machine.home, mcpServers };
      const session = await client.createSession({ agent, sessionInit });
      this.#watch(client, session);
      const { additional, tools } = this.#ofMachine;
      const ofMachine = options.skipOsInstructions === true ? undefined : additional;
      const all = [ofMachine, options.additionalInstructions, tools];
      const instructions = all.filter((each) => each !== undefined);
      if (instructions.length > 0) this.#instructions.set(session.id, instructions.join("\n\n"));
      return this.#describe(client, session);
    });
  }

  /** Sessions that are open. */
  async list(): Promise<{ sessionId: string; agentType: string }[]> {
    const sessions = await this.#records();
    return sessions
      .filter(({ destroyedAt }) => destroyedAt === undefined)
      .map(({ id, agent }) => ({ sessionId: id, agentType: agent }));
  }

  async get(sessionId: unknown): Promise<SessionRecord> {
    return this.#with(sessionId, (session, client) => this.#describe(client, session));
  }

  async resume(sessionId: unknown): Promise<{ sessionId: string }> {
    const id = readText(sessionId, "The session");
    await this.#require(id);
    return this.#vm.change(async (client) => {
      this.#watch(client, await client.resumeSession(id));
      return { sessionId: id };
    });
  }

  /** Ends the agent's part of the session. The transcript is kept, and `resume` opens it again. */
  async close(sessionId: unknown): Promise<void> {
    await this.#with(sessionId, (session, client) => client.destroySession(session.id));
  }

  /** Ends the session and removes its transcript. */
  async destroy(sessionId: unknown): Promise<void> {
    await this.close(sessionId);
    await this.#driver.deleteSession(String(sessionId));
  }

  async prompt(sessionId: unknown, text: unknown): Promise<PromptResult> {
    const words = readText(text, "The prompt");
    const id = this.#nextId++;
    const running = this.#with(sessionId, async (session): Promise<PromptResult> => {
      const parts: string[] = [];
      this.#texts.set(session.id, parts);
      const instructions = this.#instructions.get(session.id);
      this.#instructions.delete(session.id);
      const first = instructions === undefined ? [] : [{ type: "text" as const, text: instructions }];
      const response = await answerOf(id, () => session.prompt([...first, { type: "text", text: words }]));
      if (this.#texts.get(session.id) === parts) this.#texts.delete(session.id);
      return { response, text: parts.join("") };
    });
    this.#vm.runUntil(running);
    return running;
  }

  cancel(sessionId: unknown): Promise<JsonRpcResponse> {
    return this.#answer(sessionId, (session) => session.cancel());
  }

  respondPermission(sessionId: unknown, permissionId: unknown, reply: unknown): Promise<JsonRpcResponse> {
    if (!replies.includes(reply)) throw invalid("The reply must be once, always or reject");
    const id = readText(permissionId, "The permission");
    return this.#answer(sessionId, (session) => session.respondPermission(id, reply as PermissionReply));
  }

  setMode(sessionId: unknown, mode: unknown): Promise<JsonRpcResponse> {
    const value = readText(mode, "The mode");
    return this.#answer(sessionId, (session) => session.setMode(value));
  }

  setModel(sessionId: unknown, model: unknown): Promise<JsonRpcResponse> {
    const value = readText(model, "The model");
    return this.#answer(sessionId, (session) => session.setModel(value));
  }

  setThoughtLevel(sessionId: unknown, level: unknown): Promise<JsonRpcResponse> {
    const value = readText(level, "The level");
    return this.#answer(sessionId, (session) => session.setThoughtLevel(value));
  }

  getModes(sessionId: unknown) {
    return this.#with(sessionId, (session) => session.getModes());
  }

  getConfigOptions(sessionId: unknown) {
    return this.#with(sessionId, (session) => session.getConfigOptions());
  }

  rawSend(sessionId: unknown, method: unknown, params: unknown): Promise<JsonRpcResponse> {
    const name = readText(method, "The method");
    const values = params === undefined ? {} : readRecord(params, "params");
    return this.#answer(sessionId, (session) => session.rawSend(name, { ...values }));
  }

  /** Notifications of the agent, without starting the machine. */
  async events(sessionId: unknown, given: unknown): Promise<SequencedEvent[]> {
    const { since = 0, method } = given === undefined ? {} : readRecord(given, "the options");
    if (typeof since !== "number") throw invalid("since must be a number");
    return (await this.history(sessionId))
      .filter(({ seq, event }) => seq > since && (method === undefined || event.method === method))
      .map(({ seq, event }) => ({ sequenceNumber: seq, notification: event }));
  }

  /** All notifications of the agent that are stored, without starting the machine. */
  async history(sessionId: unknown): Promise<PersistedSessionEvent[]> {
    const id = readText(sessionId, "The session");
    await this.#require(id);
    const found: PersistedSessionEvent[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#driver.listEvents({
        sessionId: id,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const entry of page.items) {
        const event = notificationOf(entry);
        if (event === undefined) continue;
        found.push({ sessionId: id, seq: entry.eventIndex, event, createdAt: entry.createdAt });
      }
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return found;
  }

  async listPersisted(): Promise<PersistedSessionRecord[]> {
    return (await this.#records()).map(({ id, agent, createdAt }) => ({
      ...{ sessionId: id, agentType: agent, capabilities: {}, agentInfo: null, createdAt },
    }));
  }

  async listAgents(): Promise<AgentListEntry[]> {
    const { agents } = await this.#vm.use((client) => client.listAgents());
    return agents.map(({ id, installed }) => ({ id, installed }));
  }

  async #describe(client: SandboxAgent, session: Session): Promise<SessionRecord> {
    const { capabilities, version } = await client.getAgent(session.agent);
    return {
      ...{ sessionId: session.id, agentType: session.agent, capabilities: { ...capabilities } },
      agentInfo: { name: session.agent, ...(version == null ? {} : { version }) },
    };
  }

  async #with<T>(
    sessionId: unknown,
    call: (session: Session, client: SandboxAgent) => Promise<T>,
  ): Promise<T> {
    const id = readText(sessionId, "The session");
    await this.#require(id);
    return this.#vm.change(async (client) => {
      const session = await client.getSession(id);
      if (session === null) throw notFound(`session ${id}`);
      this.#watch(client, session);
      return call(session, client);
    });
  }

  #answer(sessionId: unknown, call: (session: Session) => Promise<unknown>): Promise<JsonRpcResponse> {
    const id = this.#nextId++;
    return this.#with(sessionId, (session) => answerOf(id, () => call(session)));
  }

  async #require(id: string): Promise<void> {
    if ((await this.#driver.getSession(id)) === undefined) throw notFound(`session ${id}`);
  }

  async #records() {
    const found: Awaited<ReturnType<ActorSessionPersistDriver["listSessions"]>>["items"] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#driver.listSessions(cursor === undefined ? {} : { cursor });
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return found;
  }

  #watch(client: SandboxAgent, session: Session): void {
    const watched = this.#watched.get(client) ?? new Set();
    this.#watched.set(client, watched);
    if (watched.has(session.id)) return;
    watched.add(session.id);
    session.onEvent((entry) => {
      const event = notificationOf(entry);
      if (event === undefined) return;
      const text = messageText(event);
      if (text !== undefined) this.#texts.get(session.id)?.push(text);
      this.#vm.actor.emit("sessionEvent", { sessionId: session.id, event });
      this.#hooks.onEvent(session.id, event);
    });
    session.onPermissionRequest(({ id, rawRequest, toolCall }) => {
      const request: PermissionRequest = {
        permissionId: id,
        ...(typeof toolCall.title === "string" ? { description: toolCall.title } : {}),
        params: { ...rawRequest },
      };
      this.#vm.actor.emit("permissionRequest", { sessionId: session.id, request });
      this.#hooks.onPermission(session.id, request);
    });
  }
}

/** A key that the caller sends is not used: it would be in the machine. Throws `agent_os.key_stays_outside`. */
function requireKeys(options: CreateSessionOptions, providers: readonly ProviderName[]): void {
  for (const name of Object.keys(options.env ?? {})) {
    const provider = keyVariables[name];
    if (provider === undefined || providers.includes(provider)) continue;
    const message = `Keys never enter a machine. Set ${name} in the environment of the program that serves this actor, and start the machine again.`;
    throw new HoldfastError("agent_os", "key_stays_outside", message, { statusCode: 400 });
  }
}

/** Checks the options of a session. Throws `agent_os.invalid_request`. */
export function readSessionOptions(value: unknown): CreateSessionOptions {
  const { cwd, env, mcpServers, skipOsInstructions, additionalInstructions } = readRecord(
    value,
    "the options",
  );
  for (const name of Object.keys(readVariables(env))) {
    if (!Object.hasOwn(keyVariables, name))
      throw invalid(
        `The variable ${name} cannot be set for one session: set it for the machine, in agentOs({ env })`,
      );
  }
  if (mcpServers !== undefined && !Array.isArray(mcpServers)) throw invalid("mcpServers must be a list");
  return {
    ...(cwd === undefined ? {} : { cwd: readPath(cwd) }),
    ...(env === undefined ? {} : { env: readVariables(env) }),
    ...(mcpServers === undefined ? {} : { mcpServers: mcpServers.map(readMcpServer) }),
    ...(skipOsInstructions === true ? { skipOsInstructions } : {}),
    ...(additionalInstructions === undefined
      ? {}
      : { additionalInstructions: readText(additionalInstructions, "additionalInstructions") }),
  };
}

function readMcpServer(value: unknown): McpServer {
  const { type, command, args, env, url, headers } = readRecord(value, "an MCP server");
  if (type === "local") {
    const list = args === undefined ? [] : args;
    if (!Array.isArray(list) || !list.every((each) => typeof each === "string"))
      throw invalid("args must be a list of texts");
    return { type, command: readText(command, "The command"), args: list, env: readVariables(env) };
  }
  if (type !== "remote") throw invalid('The type of an MCP server must be "local" or "remote"');
  return { type, url: readText(url, "The URL"), headers: readVariables(headers) };
}

function toAcpServer(server: McpServer, index: number) {
  const name = `server-${index + 1}`;
  const pairs = (record: Readonly<Record<string, string>> = {}) =>
    Object.entries(record).map(([key, value]) => ({ name: key, value }));
  return server.type === "local"
    ? { name, command: server.command, args: [...(server.args ?? [])], env: pairs(server.env) }
    : { type: "http" as const, name, url: server.url, headers: pairs(server.headers) };
}

/** A message of the agent that asks for no answer. */
function notificationOf({ sender, payload }: SessionEvent): JsonRpcNotification | undefined {
  if (sender !== "agent" || !("method" in payload) || ("id" in payload && payload.id !== undefined))
    return undefined;
  return { jsonrpc: "2.0", method: String(payload.method), params: payload.params };
}

function messageText({ params }: JsonRpcNotification): string | undefined {
  const update = field(params, "update");
  if (field(update, "sessionUpdate") !== "agent_message_chunk") return undefined;
  const text = field(field(update, "content"), "text");
  return typeof text === "string" ? text : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The answer of an agent; an error that it answers with is part of it. */
async function answerOf(id: number, call: () => Promise<unknown>): Promise<JsonRpcResponse> {
  try {
    return { jsonrpc: "2.0", id, result: (await call()) ?? {} };
  } catch (error) {
    if (!(error instanceof AcpRpcError)) throw error;
    const { code, message, data } = error;
    return { jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } };
  }
}

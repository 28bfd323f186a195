import { sessionOptions, setMode, setOption } from "./options.ts";
import { isParams, type Params, RpcError, StdioPeer } from "./rpc.ts";
import { runScript } from "./script.ts";
import { type Session, Sessions } from "./sessions.ts";
import { type StopReason, Turn } from "./turn.ts";

/**
 * The demo agent: an ACP agent over standard input and output that needs no model. The words of the prompt select what
 * it does (script.ts).
 */
const version = "0.1.0";
const contextTokens = 200_000;
const peer = new StdioPeer();
const sessions = new Sessions();

async function onRequest(method: string, params: Params): Promise<unknown> {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: 1,
        agentInfo: { name: "holdfast-demo", title: "Demo", version },
        agentCapabilities: {
          loadSession: true,
          promptCapabilities: { image: false, audio: false, embeddedContext: true },
          mcpCapabilities: { http: false, sse: false },
        },
        authMethods: [],
      };
    case "session/new": {
      const session = sessions.create(parseCwd(params), mcpServers(params));
      return { sessionId: session.id, ...sessionOptions(session) };
    }
    case "session/load": {
      const session = sessions.load(String(params.sessionId), parseCwd(params), mcpServers(params));
      for (const update of session.updates) peer.notify("session/update", { sessionId: session.id, update });
      return sessionOptions(session);
    }
    case "session/set_mode": {
      setMode(sessions.get(params.sessionId), params.modeId);
      return {};
    }
    case "session/set_model":
      setOption(sessions.get(params.sessionId), "model", params.modelId);
      return {};
    case "session/set_config_option":
      return setOption(sessions.get(params.sessionId), params.configId, params.value);
    case "session/prompt":
      return await prompt(sessions.get(params.sessionId), params);
    default:
      throw new RpcError(-32601, `Method not found: ${method}`);
  }
}

function onNotification(method: string, params: Params): void {
  if (method !== "session/cancel") return;
  for (const turn of sessions.find(params.sessionId)?.turns ?? []) turn.abort();
}

async function prompt(session: Session, params: Params): Promise<unknown> {
  const text = promptText(params.prompt);
  // Register before any await: a cancel may be the very next line.
  const abort = new AbortController();
  session.turns.add(abort);
  const turn = session.lastTurn.then(() => runTurn(session, text, abort));
  session.lastTurn = turn.catch(() => {});
  return await turn;
}

async function runTurn(session: Session, text: string, abort: AbortController): Promise<unknown> {
  const turn = new Turn(session, peer, abort.signal);
  session.record({ sessionUpdate: "user_message_chunk", content: { type: "text", text } });
  let stopReason: StopReason = "end_turn";
  try {
    abort.signal.throwIfAborted();
    await runScript(text, turn);
  } catch (error) {
    if (!isAbort(error) && !abort.signal.aborted) throw error;
    stopReason = "cancelled";
  } finally {
    session.turns.delete(abort);
  }
  const inputTokens = text.split(/\s+/).length;
  const { outputTokens } = turn;
  turn.update({ sessionUpdate: "usage_update", used: inputTokens + outputTokens, size: contextTokens });
  return { stopReason, usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens } };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function promptText(blocks: unknown): string {
  if (!Array.isArray(blocks)) throw new RpcError(-32602, "prompt must be an array of content blocks");
  return blocks
    .flatMap((block) => (isParams(block) && typeof block.text === "string" ? [block.text] : []))
    .join("\n");
}

function mcpServers({ mcpServers: servers }: Params): readonly unknown[] {
  return Array.isArray(servers) ? servers : [];
}

function parseCwd(params: Params): string {
  if (typeof params.cwd === "string" && params.cwd.startsWith("/"))
    return params.cwd.replace(/(.)\/+$/, "$1");
  throw new RpcError(-32602, "cwd must be an absolute path");
}

if (process.argv.includes("--version")) {
  process.stdout.write(`holdfast-demo ${version}\n`);
} else {
  // Without an await at the top level, so that its bundle need not be ES modules. Once the client has closed the input,
  // nothing reads the output of running turns.
  void peer.serve(onRequest, onNotification).then(() => process.exit(0));
}

import { AgentProcess } from "../acp/agent-process.ts";
import { isRecord } from "../http/problem.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";

export interface ProbeOptions {
  readonly request: SpawnRequest;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  /** Timeout of the probe, including the start of the agent. */
  readonly timeoutMs: number;
}

/**
 * Starts an agent, opens a session, returns the result and ends the agent. No model is called. Rejects with a readable
 * error when the agent fails earlier.
 */
export async function probeSession({ request, spawner, limits, timeoutMs }: ProbeOptions): Promise<unknown> {
  const responses = new Map<number, PromiseWithResolvers<unknown>>();
  const responseTo = (id: number): PromiseWithResolvers<unknown> => {
    const response = responses.get(id) ?? Promise.withResolvers<unknown>();
    responses.set(id, response);
    return response;
  };
  const expected = [responseTo(1), responseTo(2)];
  const fail = (reason: string) => {
    for (const response of expected) response.reject(new Error(reason));
  };
  // Avoid an unhandled rejection of the second response when both fail.
  for (const response of expected) response.promise.catch(() => {});
  const process = await AgentProcess.start(spawner, request, limits, {
    onLine: (line) => settle(line, responses),
    onInvalid: () => {},
    onExit: ({ exitCode, signal, stderr }) =>
      fail(`the agent exited ${signal === null ? `with code ${exitCode}` : `by ${signal}`}: ${stderr}`),
    onPipeClosed: (reason) =>
      fail(`the agent closed its ${reason === "agent_input_closed" ? "in" : "out"}put`),
  });
  const timer = setTimeout(() => fail(`the agent did not respond within ${timeoutMs} ms`), timeoutMs);
  const send = async (id: number, method: string, params: object) => {
    process.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return await responseTo(id).promise;
  };
  try {
    await send(1, "initialize", {
      protocolVersion: 1,
      clientCapabilities: {},
      clientInfo: { name: "holdfast-sandbox", version: "1" },
    });
    return await send(2, "session/new", { cwd: request.cwd, mcpServers: [] });
  } finally {
    clearTimeout(timer);
    await process.end();
  }
}

function settle(line: string, responses: ReadonlyMap<number, PromiseWithResolvers<unknown>>): void {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    // Ignore output that is not JSON.
    return;
  }
  if (!isRecord(message) || typeof message["id"] !== "number" || "method" in message) return;
  const response = responses.get(message["id"]);
  const { error } = message;
  if (!isRecord(error)) response?.resolve(message["result"]);
  else response?.reject(new Error(`the agent returned an error: ${String(error["message"])}`));
}

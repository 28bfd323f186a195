import { AgentProcess } from "../acp/agent-process.ts";
import { isRecord } from "../http/problem.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";

export interface ProbeOptions {
  readonly request: SpawnRequest;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  /** How long the agent may take, start included. */
  readonly timeoutMs: number;
}

/**
 * Starts an agent only to ask it for a session, and resolves to what it answers; then it is ended.
 * No model is asked. Rejects with an Error for people when the agent does not get that far.
 */
export async function probeSession({ request, spawner, limits, timeoutMs }: ProbeOptions): Promise<unknown> {
  const answers = new Map<number, PromiseWithResolvers<unknown>>();
  const answerTo = (id: number): PromiseWithResolvers<unknown> => {
    const answer = answers.get(id) ?? Promise.withResolvers<unknown>();
    answers.set(id, answer);
    return answer;
  };
  const both = [answerTo(1), answerTo(2)];
  const fail = (why: string) => {
    for (const answer of both) answer.reject(new Error(why));
  };
  // Nobody may be waiting for the second answer yet when both fail.
  for (const answer of both) answer.promise.catch(() => {});
  const process = await AgentProcess.start(spawner, request, limits, {
    onLine: (line) => settle(line, answers),
    onInvalid: () => {},
    onExit: ({ exitCode, signal, stderr }) =>
      fail(`the agent exited ${signal === null ? `with code ${exitCode}` : `by ${signal}`}: ${stderr}`),
    onPipeClosed: (reason) =>
      fail(`the agent closed its ${reason === "agent_input_closed" ? "in" : "out"}put`),
  });
  const timer = setTimeout(() => fail(`the agent did not answer within ${timeoutMs} ms`), timeoutMs);
  const ask = async (id: number, method: string, params: object) => {
    process.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return await answerTo(id).promise;
  };
  try {
    await ask(1, "initialize", {
      protocolVersion: 1,
      clientCapabilities: {},
      clientInfo: { name: "holdfast-sandbox", version: "1" },
    });
    return await ask(2, "session/new", { cwd: request.cwd, mcpServers: [] });
  } finally {
    clearTimeout(timer);
    await process.end();
  }
}

function settle(line: string, answers: ReadonlyMap<number, PromiseWithResolvers<unknown>>): void {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    // What is not JSON answers nothing.
    return;
  }
  if (!isRecord(message) || typeof message["id"] !== "number" || "method" in message) return;
  const answer = answers.get(message["id"]);
  const { error } = message;
  if (!isRecord(error)) answer?.resolve(message["result"]);
  else answer?.reject(new Error(`the agent refused: ${String(error["message"])}`));
}

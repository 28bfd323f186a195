/** A session's access to its agent: requests, updates, recovery, settings. */
import type { HoldfastError } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import { readMessage } from "../../acp/message.ts";
import { isRecord, problem } from "../../http/problem.ts";

/** Makes the ids of requests unique. */
let requestCount = 0;

/**
 * Sends a request of the server itself to the agent of `instance`. Throws `sandbox.agent_process_exited` if the agent
 * could not answer, and `sandbox.agent_refused` if it answered with an error.
 */
export async function callAgent(
  instance: AcpInstance,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  requestCount += 1;
  const raw = JSON.stringify({ jsonrpc: "2.0", id: `server-${requestCount}`, method, params });
  const message = readMessage(raw);
  const text = message && (await instance.send(message, { internal: true }));
  const response: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isRecord(response)) throw refusedError(instance.agentId, method, undefined);
  if (response.error !== undefined) throw refusedError(instance.agentId, method, response.error);
  return isRecord(response.result) ? response.result : {};
}

/** Sends a notification to the agent. */
export async function notifyAgent(
  instance: AcpInstance,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<void> {
  const message = readMessage(JSON.stringify({ jsonrpc: "2.0", method, params }));
  if (message) await instance.send(message, { internal: true });
}

/** Answers a request of the agent; `idText` is its id as JSON text. */
export async function answerAgent(
  instance: AcpInstance,
  idText: string,
  content: { readonly result: unknown } | { readonly error: unknown },
): Promise<void> {
  const body = JSON.stringify(content).slice(1);
  const message = readMessage(`{"jsonrpc":"2.0","id":${idText},${body}`);
  if (message) await instance.send(message, { internal: true });
}

function refusedError(agent: string, method: string, error: unknown): HoldfastError {
  const fields = isRecord(error) ? error : {};
  const message = typeof fields.message === "string" ? fields.message : "the answer is not JSON-RPC";
  const data = isRecord(fields.data) ? fields.data : {};
  const reason = typeof data.reason === "string" ? data.reason : undefined;
  if (reason !== undefined) {
    const details = { exitCode: data.exitCode ?? null, stderr: data.agentStderr ?? "" };
    return problem("agent_process_exited", 500, `${method}: ${message}`, { agent, reason, details });
  }
  return problem("agent_refused", 502, `the agent refused ${method}: ${message}`, {
    agent,
    details: { code: fields.code, message, ...(fields.data === undefined ? {} : { data: fields.data }) },
  });
}

import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { AgentExit, CloseReason, RpcErrorObject } from "../types.ts";
import { isRecord } from "./http.ts";

const exitReasons = new Set([
  "agent_process_exited",
  "initialize_timed_out",
  "agent_silent",
  "agent_input_closed",
  "agent_output_closed",
]);

/** The error of an error answer: `acp.agent_exited` when the server gave it for a dead agent, else `acp.rpc_error`. */
export function rpcError(error: RpcErrorObject): HoldfastError {
  const { code, message, data } = error;
  if (isRecord(data) && typeof data.reason === "string" && exitReasons.has(data.reason)) {
    return new HoldfastError("acp", "agent_exited", message, {
      statusCode: 502,
      metadata: { ...exitOf(data, data.agentStderr), reason: data.reason },
    });
  }
  return new HoldfastError("acp", "rpc_error", message, {
    statusCode: 502,
    metadata: { code, ...(data === undefined ? {} : { data }) },
  });
}

export function exitOf(params: Record<string, unknown>, stderr: unknown): AgentExit {
  const code = params.exitCode ?? params.code;
  return {
    exitCode: typeof code === "number" ? code : null,
    signal: typeof params.signal === "string" ? params.signal : null,
    stderr: typeof stderr === "string" ? stderr : "",
  };
}

/** `sent` is whether the message that failed with it may have reached the agent, and was shown as sent. */
export function closedError(reason: CloseReason, { sent }: { readonly sent: boolean }): HoldfastError {
  const detail = reason.kind === "closed" ? "it was closed" : reason.detail;
  return new HoldfastError("acp", "connection_closed", `The connection to the agent has ended: ${detail}`, {
    statusCode: 503,
    metadata: { kind: reason.kind, sent },
  });
}

/** The connection ended before the message was sent. */
export function isUnsent(error: unknown): boolean {
  if (!isHoldfastError(error) || error.group !== "acp" || error.code !== "connection_closed") return false;
  return isRecord(error.metadata) && error.metadata.sent === false;
}

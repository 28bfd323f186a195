import { HoldfastError } from "@holdfast/core";
import type { RawRequestCall, RawSocketCall, RawSocketHost } from "../instance.ts";
import { RawRequest } from "./raw-request.ts";
import { RawSocket } from "./raw-socket.ts";
import type { Runtime } from "./runtime.ts";

/** Hands a request to `onRequest`; the actor has started. */
export function serveRequest(runtime: Runtime, call: RawRequestCall): Promise<Response> {
  if (runtime.definition.hooks.onRequest === undefined) {
    return Promise.reject(notDefined(runtime, "request_not_defined", "onRequest"));
  }
  if (!takes(runtime, call)) return Promise.reject(runtime.errors.stopping());
  return new RawRequest(runtime, call).serve();
}

/** Hands a WebSocket to `onWebSocket`; the actor has started. */
export function openWebSocket(runtime: Runtime, call: RawSocketCall): Promise<RawSocketHost> {
  if (runtime.definition.hooks.onWebSocket === undefined) {
    return Promise.reject(notDefined(runtime, "websocket_not_defined", "onWebSocket"));
  }
  if (runtime.status !== "ready") return Promise.reject(runtime.errors.stopping());
  return new RawSocket(runtime, call).open();
}

function takes(runtime: Runtime, call: RawRequestCall): boolean {
  if (runtime.status === "ready") return true;
  return runtime.status === "stopping" && call.skipReadyWait === true && !runtime.sealed;
}

function notDefined(runtime: Runtime, code: string, hook: string): HoldfastError {
  const message = `The actor "${runtime.name}" has no ${hook}`;
  return new HoldfastError("actor", code, message, { statusCode: 404 });
}

/** `onRequest` and `onWebSocket`: raw HTTP and WebSockets of an actor. */
import { HoldfastError } from "@holdfast/core";
import type { RawRequestCall, RawSocketCall, RawSocketHost } from "../../ports/instance.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { RawRequest, type RawRequestOwner } from "./raw-request.ts";
import { RawSocket, type RawSocketOwner } from "./raw-socket.ts";

/** Hands a request to `onRequest`; the actor has started. */
export function serveRequest(runtime: RawRequestOwner, call: RawRequestCall): Promise<Response> {
  if (runtime.definition.hooks.onRequest === undefined) {
    return Promise.reject(notDefined(runtime, "request_not_defined", "onRequest"));
  }
  if (!takes(runtime, call)) return Promise.reject(runtime.errors.stopping());
  return new RawRequest(runtime, call).serve();
}

/** Hands a WebSocket to `onWebSocket`; the actor has started. */
export function openWebSocket(runtime: RawSocketOwner, call: RawSocketCall): Promise<RawSocketHost> {
  if (runtime.definition.hooks.onWebSocket === undefined) {
    return Promise.reject(notDefined(runtime, "websocket_not_defined", "onWebSocket"));
  }
  if (runtime.status !== "ready") return Promise.reject(runtime.errors.stopping());
  return new RawSocket(runtime, call).open();
}

function takes(runtime: RunningActor, call: RawRequestCall): boolean {
  if (runtime.status === "ready") return true;
  return runtime.status === "stopping" && call.skipReadyWait === true && !runtime.sealed;
}

function notDefined(runtime: RunningActor, code: string, hook: string): HoldfastError {
  const message = `The actor "${runtime.name}" has no ${hook}`;
  return new HoldfastError("actor", code, message, { statusCode: 404 });
}

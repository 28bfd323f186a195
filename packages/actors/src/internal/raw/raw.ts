/** `onRequest` and `onWebSocket`: raw HTTP and WebSockets of an actor. */
import { HoldfastError } from "@holdfast/core";
import type { RawRequestCall, RawSocketCall, RawSocketHost } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { RawRequest, type RawRequestDependencies } from "./raw-request.ts";
import { RawSocket, type RawSocketDependencies } from "./raw-socket.ts";

type RawDependencies = Pick<ActorCore, "definition" | "errors" | "name" | "phase">;

/** Passes a request to `onRequest`; the actor has started. */
export function serveRequest(actor: RawRequestDependencies, call: RawRequestCall): Promise<Response> {
  if (actor.definition.hooks.onRequest === undefined) {
    return Promise.reject(notDefined(actor, "request_not_defined", "onRequest"));
  }
  if (!takes(actor, call)) return Promise.reject(actor.errors.stopping());
  return new RawRequest(actor, call).serve();
}

/** Passes a WebSocket to `onWebSocket`; the actor has started. */
export function openWebSocket(actor: RawSocketDependencies, call: RawSocketCall): Promise<RawSocketHost> {
  if (actor.definition.hooks.onWebSocket === undefined) {
    return Promise.reject(notDefined(actor, "websocket_not_defined", "onWebSocket"));
  }
  if (actor.phase.status !== "ready") return Promise.reject(actor.errors.stopping());
  return new RawSocket(actor, call).open();
}

function takes(actor: RawDependencies, call: RawRequestCall): boolean {
  if (actor.phase.status === "ready") return true;
  return actor.phase.status === "stopping" && call.skipReadyWait === true && !actor.phase.sealed;
}

function notDefined(actor: RawDependencies, code: string, hook: string): HoldfastError {
  const message = `The actor "${actor.name}" has no ${hook}`;
  return new HoldfastError("actor", code, message, { statusCode: 404 });
}

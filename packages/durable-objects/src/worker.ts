/** The Worker in front of the objects: routes requests, and answers those that belong to no actor. */
import type { ActorTarget } from "@holdfast/client";
import { type Ports, systemPorts } from "@holdfast/core";
import { localPath, parseRoute, problemResponse, type Route, routeNotFound } from "@holdfast/server/embedded";
import { notSupported } from "./errors.ts";
import { internalHeader } from "./object/internal-header.ts";
import { Objects } from "./objects.ts";
import { namespaceOf, type Settings } from "./settings.ts";

export async function serveInWorker(settings: Settings, request: Request, env: unknown): Promise<Response> {
  const ports: Ports = systemPorts(settings.log);
  try {
    const { pathname, search } = new URL(request.url);
    const path = localPath(`${pathname}${search}`, settings.gateway.basePath);
    if (path === undefined) throw routeNotFound();
    const target = targetOf(path);
    if (target === undefined) return answer(settings, pathname, path);
    const stub = new Objects(namespaceOf(env, settings.binding)).stubOf(target);
    if (!request.headers.has(internalHeader)) return await stub.fetch(request);
    // Only objects may say that a request comes from an object.
    const own = new Request(request);
    own.headers.delete(internalHeader);
    return await stub.fetch(own);
  } catch (error) {
    return problemResponse(error, ports);
  }
}

/** The actor that a path addresses; undefined for a path of the Worker itself. */
function targetOf(path: string): ActorTarget | undefined {
  if (!path.startsWith("/actors/") && !/^\/actors\/?(\?|$)/.test(path)) return undefined;
  const route: Route = parseRoute(path);
  if ("target" in route) return route.target;
  throw notSupported(
    "A list of all actors",
    "Objects have no directory: address an actor by its key or its id, or keep a list in an actor.",
  );
}

function answer(settings: Settings, pathname: string, path: string): Response {
  const [own = ""] = path.split("?", 1);
  switch (own) {
    case "/health":
      return Response.json({ status: "ok", runtime: "holdfast" });
    case "/metadata":
      return Response.json({ runtime: "holdfast", actorNames: Object.keys(settings.definitions) });
    case "/":
      return new Response("This Worker serves Holdfast: actors are below /actors/.\n");
    case "/metrics":
    case "/openapi.json":
    case "/asyncapi.json":
    case "/docs":
    case "/cluster":
      throw notSupported(`The page ${pathname}`, "A server of the same registry has it.");
    default:
      throw routeNotFound();
  }
}

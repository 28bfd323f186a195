import { localPath } from "../gateway/route.ts";
import type { MountedRegistry } from "./host.ts";

/** A route handler of the Next.js app router. */
export type RouteHandler = (request: Request) => Promise<Response>;

/** The exports of a Next.js route: one handler per method. */
export interface NextHandlers {
  readonly GET: RouteHandler;
  readonly HEAD: RouteHandler;
  readonly POST: RouteHandler;
  readonly PUT: RouteHandler;
  readonly PATCH: RouteHandler;
  readonly DELETE: RouteHandler;
  readonly OPTIONS: RouteHandler;
}

/**
 * The handlers of a catch-all route, `app/api/holdfast/[...all]/route.ts`: `export const { GET, POST, PUT, PATCH,
 * DELETE, HEAD, OPTIONS } = toNextHandler(registry)`. A route handler cannot accept WebSockets: clients get the
 * address of the registry's own server from `/metadata`, which starts to listen then. That address must be reachable
 * for them. A serverless process does not listen.
 */
export function toNextHandler(
  registry: Pick<MountedRegistry, "handler" | "start" | "isServerless">,
): NextHandlers {
  const handle: RouteHandler = async (request) => {
    const response = await registry.handler(request);
    const isLive = !registry.isServerless && response.ok && isMetadata(request);
    return isLive ? withEndpoint(response, registry) : response;
  };
  return {
    GET: handle,
    HEAD: handle,
    POST: handle,
    PUT: handle,
    PATCH: handle,
    DELETE: handle,
    OPTIONS: handle,
  };
}

/** Responses of an actor below a path of that name are left alone. */
function isMetadata(request: Request): boolean {
  const { pathname } = new URL(request.url);
  return request.method === "GET" && localPath(pathname, "anywhere") === "/metadata";
}

async function withEndpoint(response: Response, registry: Pick<MountedRegistry, "start">): Promise<Response> {
  const { url } = await registry.start();
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  headers.set("cache-control", "no-store");
  const metadata = Object(await response.json());
  return Response.json({ ...metadata, clientEndpoint: url }, { headers });
}

import { localPath } from "../gateway/route.ts";
import type { MountedRegistry } from "./host.ts";

/** A route handler of the app router of Next.js. */
export type RouteHandler = (request: Request) => Promise<Response>;

/** What a route of Next.js exports: one handler for each method. */
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
 * The handlers of a catch-all route, `app/api/holdfast/[...all]/route.ts`:
 * `export const { GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS } = toNextHandler(registry)`.
 * A route handler takes no WebSockets. A client that finds that out asks for `/metadata`, and is told where
 * the registry listens, which it does from then on; that has to be an address that the client can reach.
 */
export function toNextHandler(registry: Pick<MountedRegistry, "handler" | "start">): NextHandlers {
  const handle: RouteHandler = async (request) => {
    const response = await registry.handler(request);
    return response.ok && isMetadata(request) ? withEndpoint(response, registry) : response;
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

/** What an actor answers below a path of that name is its own. */
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

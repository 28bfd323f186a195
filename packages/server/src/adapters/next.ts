import type { MountedRegistry } from "./host.ts";

/** A route handler of the app router of Next.js. */
export type RouteHandler = (request: Request) => Promise<Response>;

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
 * A route handler takes no WebSockets: connections need a server that the registry started.
 */
export function toNextHandler(registry: Pick<MountedRegistry, "handler">): NextHandlers {
  const handle: RouteHandler = (request) => registry.handler(request);
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

import type { ActorTarget } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { actorRoutes, storedRoutes } from "./actor-routes.ts";
import { partRoutes, storageRoutes } from "./part-routes.ts";
import type { InspectorRequest, InspectorResponse, InspectorRoute, StoredRoute } from "./request.ts";

type Route = InspectorRoute | StoredRoute;

const routes: readonly (Route & { readonly segments: readonly string[] })[] = [
  ...actorRoutes,
  ...storedRoutes,
  ...partRoutes,
  ...storageRoutes,
].map((route) => ({ ...route, segments: route.path.slice(1).split("/") }));

/** Answers requests to the inspectors of actors. See docs/reference/inspector.md. */
export class InspectorApi {
  readonly #directory: Directory;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** Throws `inspector.not_found`, `gateway.method_not_allowed`, `actor.not_found`, and errors of the actor. */
  async answer(target: ActorTarget, request: InspectorRequest): Promise<InspectorResponse> {
    const { route, params } = find(request);
    const directory = this.#directory;
    if ("stored" in route) {
      const { id } = await directory.resolve(target);
      return { status: 200, body: await route.stored({ request, directory, id }) };
    }
    const body = await directory.inspect(target, (inspection, instance) =>
      route.handler({ request, directory, instance, inspection, params }),
    );
    return { status: 200, body };
  }
}

function find(request: InspectorRequest): {
  readonly route: Route;
  readonly params: readonly string[];
} {
  const path = request.path.slice(1).split("/");
  const allowed: string[] = [];
  for (const route of routes) {
    const params = match(route.segments, path);
    if (params === undefined) continue;
    if (route.method === request.method) return { route, params };
    allowed.push(route.method);
  }
  if (allowed.length === 0) {
    throw new HoldfastError("inspector", "not_found", "The inspector has nothing at this path", {
      statusCode: 404,
    });
  }
  const message = `${request.method} is not allowed here; allowed: ${allowed.join(", ")}`;
  throw new HoldfastError("gateway", "method_not_allowed", message, { metadata: { allow: allowed } });
}

/** The decoded parameters; undefined if the path does not match. */
function match(segments: readonly string[], path: readonly string[]): readonly string[] | undefined {
  const params: string[] = [];
  for (const [at, segment] of segments.entries()) {
    const part = path[at];
    if (part === undefined) return undefined;
    if (segment.startsWith(":")) params.push(decodePart(part));
    else if (segment !== part) return undefined;
  }
  return path.length === segments.length ? params : undefined;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HoldfastError("gateway", "malformed_path", "The path is not percent-encoded UTF-8", {
      statusCode: 400,
    });
  }
}

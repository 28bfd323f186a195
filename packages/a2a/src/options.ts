import { HoldfastError } from "@holdfast/core";

/** As much of a registry as an A2A server uses; what `setup()` returns has it. */
export interface A2aRegistry {
  readonly settings: { readonly use: Readonly<Record<string, unknown>> };
  handler(request: Request): Promise<Response>;
}

/** What an agent can do, as its card tells it. */
export interface A2aSkill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags?: readonly string[];
  readonly examples?: readonly string[];
}

/** Options of `a2a()`. */
export interface A2aOptions {
  /** Name of the actor in the registry: one defined by `agent()`. */
  readonly agent: string;
  /** For people and for other agents. */
  readonly name: string;
  /** What the agent does, as its card says it. */
  readonly description: string;
  /** Version of the agent, as its card says it. */
  readonly version: string;
  readonly skills?: readonly A2aSkill[];
  readonly provider?: { readonly organization: string; readonly url: string };
  readonly documentationUrl?: string;
  readonly iconUrl?: string;
  /** The card says that callers need a bearer token. `onAuth` of the agent checks it. */
  readonly bearer?: boolean;
  /** Path of the endpoint: "/a2a" by default. */
  readonly path?: string;
  /** Origin by which clients know this server, if a proxy stands before it: "https://agents.example.com". */
  readonly publicUrl?: string;
  /** The key of the actor for a context: `[contextId]` by default. */
  readonly keyOf?: (contextId: string, request: Request) => readonly string[] | Promise<readonly string[]>;
  /** Serves all other paths. */
  readonly next?: { fetch(request: Request): Response | Promise<Response> };
}

/** Throws `a2a.invalid_definition`. */
export function checkOptions(registry: A2aRegistry, options: A2aOptions): void {
  const { agent, name, description, version, path, publicUrl } = options;
  if (!Object.hasOwn(registry.settings.use, agent)) throw invalid(`the registry has no actor "${agent}"`);
  for (const [field, value] of Object.entries({ name, description, version }))
    if (typeof value !== "string" || value === "") throw invalid(`${field} is missing`);
  if (path !== undefined && !/^(?:\/[\w.-]+)+$/.test(path))
    throw invalid(`path "${path}" is not a path such as "/a2a"`);
  if (publicUrl !== undefined && (!URL.canParse(publicUrl) || new URL(publicUrl).origin !== publicUrl))
    throw invalid(`publicUrl "${publicUrl}" is not an origin such as "https://example.com"`);
}

function invalid(why: string): HoldfastError {
  return new HoldfastError("a2a", "invalid_definition", `a2a(): ${why}`, { statusCode: 500 });
}

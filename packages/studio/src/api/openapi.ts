import { type ActorRules, actorRules } from "../access/actor-rules.ts";
import {
  type ActionDescription,
  type ApiDescription,
  type JsonSchema,
  type RouteDescription,
  schemaPath,
} from "./description.ts";

type Document = Readonly<Record<string, unknown>>;
type PathItem = Readonly<Record<string, unknown>>;

/**
 * The OpenAPI document of the server with what the Studio knows beside the actors: schemas and error codes of each
 * action, and its own routes. Actors and actions that nobody reaches over the network are left out.
 */
export function studioOpenApi(document: Document, api: ApiDescription): Document {
  const paths = Object.entries(document["paths"] as Readonly<Record<string, PathItem>>);
  const described = paths.flatMap(([path, item]): [string, PathItem][] => {
    const [, actor, action] = /^\/actors\/([^/{]+)\/\{actor\}(?:\/actions\/(.+))?/.exec(path) ?? [];
    if (actor === undefined) return [[path, item]];
    if (isInternal(actor, action)) return [];
    const description = action === undefined ? undefined : api.actions[`${actor}.${action}`];
    return [[path, description === undefined ? item : withAction(item, description)]];
  });
  const components = document["components"] as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const tags = (document["tags"] as readonly { readonly name: string }[]).filter(
    ({ name }) => !isInternal(name, undefined),
  );
  return {
    ...document,
    info: { ...(document["info"] as object), title: "Holdfast Studio" },
    security: [{ apiToken: [] }, { session: [] }],
    tags: [...tags, { name: "routes", description: "People, files, webhooks, MCP and sandboxes" }],
    paths: { ...Object.fromEntries(described), ...routePaths(api) },
    components: {
      ...components,
      schemas: { ...components["schemas"], ...api.schemas },
      securitySchemes: {
        ...components["securitySchemes"],
        apiToken: { type: "http", scheme: "bearer", description: "An API token of a person" },
        session: { type: "apiKey", in: "cookie", name: "session", description: "The login of a browser" },
      },
    },
  };
}

function isInternal(actor: string, action: string | undefined): boolean {
  if (!Object.hasOwn(actorRules, actor)) return false;
  const rules: ActorRules = actorRules[actor as keyof typeof actorRules];
  if (rules === "internal") return true;
  return action !== undefined && !Object.hasOwn(rules.actions, action);
}

function withAction(item: PathItem, description: ActionDescription): PathItem {
  const post = item["post"] as Readonly<Record<string, unknown>>;
  const { args, parameters, throws } = description;
  const least = parameters.findIndex(({ isOptional }) => isOptional);
  const prefixItems = args.map((schema, at) => named(schema, parameters[at]?.name ?? ""));
  const minItems = least < 0 ? args.length : least;
  const list = {
    type: "array",
    ...(args.length === 0 ? {} : { prefixItems }),
    minItems,
    maxItems: args.length,
  };
  const body = {
    type: "object",
    properties: { args: list },
    ...(minItems > 0 ? { required: ["args"] } : {}),
  };
  const output = {
    type: "object",
    properties: { output: description.output ?? {} },
    ...(description.output === undefined ? {} : { required: ["output"] }),
  };
  return {
    ...item,
    post: {
      ...post,
      ...(description.description === "" ? {} : { description: description.description }),
      requestBody: { required: minItems > 0, content: json(body) },
      responses: {
        200: { description: "Result", content: json(output) },
        default: failure(throws),
      },
    },
  };
}

/** The schema with the name of its parameter as its title. */
function named(schema: JsonSchema, title: string): JsonSchema {
  return { title, ...schema };
}

function failure(throws: readonly string[]): object {
  const codes = throws.length === 0 ? "" : `: ${throws.join(", ")}, and those of every request`;
  return {
    description: `An error, as problem details (RFC 9457)${codes}`,
    content: { "application/problem+json": { schema: { $ref: `${schemaPath}Problem` } } },
  };
}

function routePaths(api: ApiDescription): Readonly<Record<string, PathItem>> {
  const paths = new Map<string, Record<string, unknown>>();
  for (const [route, description] of Object.entries(api.routes)) {
    const [method = "", pattern = ""] = route.split(" ");
    const path = pattern.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{rest}");
    const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => name);
    const item = paths.get(path) ?? {
      parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    };
    item[method.toLowerCase()] = operationOf(`${method.toLowerCase()} ${pattern}`, description);
    paths.set(path, item);
  }
  return Object.fromEntries(paths);
}

function operationOf(route: string, description: RouteDescription): object {
  const { summary, status, body, bodyType, answer, answerType } = description;
  const content =
    bodyType === undefined ? (body === undefined ? undefined : json(body)) : { [bodyType]: { schema: {} } };
  const answered =
    answerType === undefined
      ? answer === undefined
        ? undefined
        : json(answer)
      : { [answerType]: { schema: {} } };
  return {
    tags: ["routes"],
    operationId: route.replaceAll(/[^A-Za-z]+/g, "_").replace(/_$/, ""),
    summary,
    ...(content === undefined ? {} : { requestBody: { required: true, content } }),
    responses: {
      [status]: { description: summary, ...(answered === undefined ? {} : { content: answered }) },
      default: failure([]),
    },
  };
}

function json(schema: JsonSchema): object {
  return { "application/json": { schema } };
}

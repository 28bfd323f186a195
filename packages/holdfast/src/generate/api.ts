/** Generates clients in other languages from the OpenAPI and AsyncAPI documents of a server: `holdfast generate`. */
import { HoldfastError } from "@holdfast/core";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A kind of actor as a client sees it. */
export interface ActorApi {
  readonly name: string;
  readonly actions: readonly ActionApi[];
  readonly queues: readonly QueueApi[];
  readonly events: readonly EventApi[];
}

export interface ActionApi {
  readonly name: string;
  /** Schemas of the arguments; undefined where any are accepted. */
  readonly args: readonly JsonSchema[] | undefined;
  readonly output: JsonSchema;
}

export interface QueueApi {
  readonly name: string;
  readonly body: JsonSchema;
  readonly response: JsonSchema;
}

export interface EventApi {
  readonly name: string;
  /** Schemas of the arguments; undefined where any are sent. */
  readonly args: readonly JsonSchema[] | undefined;
}

/** The actors of a server, and the documents that their schemas refer to. */
export interface Api {
  readonly actors: readonly ActorApi[];
  /** The schema behind a `$ref` of one of the documents. */
  resolve(schema: JsonSchema): JsonSchema;
}

type Json = Readonly<Record<string, unknown>>;

interface Collected {
  readonly actions: ActionApi[];
  readonly queues: QueueApi[];
  readonly events: EventApi[];
}

/** Reads the two documents. Throws `generate.malformed_document`. */
export function readApi(openApi: unknown, asyncApi: unknown): Api {
  const [http, sockets] = [
    record(openApi, "the OpenAPI document"),
    record(asyncApi, "the AsyncAPI document"),
  ];
  const actors = new Map<string, Collected>();
  const ofActor = (name: string): Collected => {
    const known = actors.get(name);
    if (known !== undefined) return known;
    const made: Collected = { actions: [], queues: [], events: [] };
    actors.set(name, made);
    return made;
  };
  for (const [path, item] of Object.entries(record(http["paths"], "`paths`"))) {
    const [, name, kind, member] =
      /^\/actors\/([^/{]+)\/\{actor\}(?:\/(actions|queues)\/([^/]+))?$/.exec(path) ?? [];
    if (name === undefined) continue;
    const collected = ofActor(decodeURIComponent(name));
    if (kind === undefined || member === undefined) continue;
    const post = objectAt(item, "post");
    const request = schemaOf(objectAt(post, "requestBody"));
    const answer = schemaOf(objectAt(objectAt(post, "responses"), "200"));
    if (kind === "actions") {
      const args = argumentsOf(property(request, "args"));
      collected.actions.push({ name: decodeURIComponent(member), args, output: property(answer, "output") });
    } else {
      const [body, response] = [property(request, "body"), property(answer, "response")];
      collected.queues.push({ name: decodeURIComponent(member), body, response });
    }
  }
  for (const channel of Object.values(record(sockets["channels"], "`channels`"))) {
    const { title, messages } = record(channel, "a channel");
    if (typeof title !== "string") continue;
    for (const [id, message] of Object.entries(record(messages, "`messages`"))) {
      if (!id.startsWith("event.")) continue;
      const parts = objectAt(message, "payload")["prefixItems"];
      const [, named, args] = Array.isArray(parts) ? (parts as readonly JsonSchema[]) : [];
      const name = named?.["const"];
      if (typeof name === "string") ofActor(title).events.push({ name, args: argumentsOf(args ?? {}) });
    }
  }
  const documents = [http, sockets];
  return {
    actors: [...actors].map(([name, members]) => ({ name, ...members })),
    resolve: (schema) => resolveIn(documents, schema),
  };
}

function schemaOf(content: Json): JsonSchema {
  return objectAt(objectAt(objectAt(content, "content"), "application/json"), "schema");
}

function property(schema: JsonSchema, name: string): JsonSchema {
  return objectAt(objectAt(schema, "properties"), name);
}

/** A list whose items are known by their positions, or all of one kind and any number. */
function argumentsOf(list: JsonSchema): readonly JsonSchema[] | undefined {
  const { prefixItems } = list;
  return Array.isArray(prefixItems) ? (prefixItems as readonly JsonSchema[]) : undefined;
}

function resolveIn(documents: readonly Json[], schema: JsonSchema): JsonSchema {
  const { $ref } = schema;
  if (typeof $ref !== "string" || !$ref.startsWith("#/")) return schema;
  const steps = $ref.slice(2).split("/").map(stepOf);
  for (const document of documents) {
    const found = steps.reduce<unknown>(
      (at, step) => (isRecord(at) || Array.isArray(at) ? Reflect.get(at, step) : undefined),
      document,
    );
    if (isRecord(found)) return found;
  }
  return {};
}

/** RFC 6901, section 6. */
function stepOf(step: string): string {
  return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectAt(value: unknown, name: string): Json {
  const inner: unknown = isRecord(value) ? value[name] : undefined;
  return isRecord(inner) ? inner : {};
}

function record(value: unknown, what: string): Json {
  if (isRecord(value)) return value;
  const message = `This is no description of a server of actors: ${what} is not an object`;
  throw new HoldfastError("generate", "malformed_document", message, { statusCode: 400 });
}

/** OpenAPI document, composed of its parts. */

/** A JSON Schema, dialect 2020-12, as in OpenAPI 3.1. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface OpenApiMedia {
  readonly schema?: JsonSchema;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description?: string; readonly schema: JsonSchema }>>;
  readonly content?: Readonly<Record<string, OpenApiMedia>>;
}

/** One operation of the document, as in OpenAPI 3.1. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly description?: string;
    readonly content: Readonly<Record<string, OpenApiMedia>>;
  };
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
  /** Empty for operations that need no token. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  /** True when a GET of the path may be a WebSocket upgrade. */
  readonly "x-websocket"?: true;
}

export type OpenApiMethod = "get" | "post" | "put" | "patch" | "delete";

export type OpenApiPath = Readonly<Partial<Record<OpenApiMethod, OpenApiOperation>>>;

/** Documentation of one area of the server: paths with `{parameters}`, and schemas by name. */
export interface OpenApiPart {
  readonly paths: Readonly<Record<string, OpenApiPath>>;
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/** References a schema of any part by name. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** Describes an object with these properties; those in `optional` may be absent. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

export function array(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function query(name: string, schema: JsonSchema, description?: string): OpenApiParameter {
  return { name, in: "query", schema, ...(description === undefined ? {} : { description }) };
}

export function requiredQueryParameter(name: string, description?: string): OpenApiParameter {
  return { ...query(name, { type: "string" }, description), required: true };
}

/** Describes a path parameter. Every operation of the path must list it. */
export function pathParameter(name: string, description?: string): OpenApiParameter {
  return {
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...(description === undefined ? {} : { description }),
  };
}

/** Describes a response with a JSON body. */
export function json(description: string, schema: JsonSchema): OpenApiResponse {
  return { description, content: { "application/json": { schema } } };
}

export function empty(description: string): OpenApiResponse {
  return { description };
}

/** Describes a stream of server-sent events; `schema` is that of one event's data. */
export function events(description: string, schema: JsonSchema): OpenApiResponse {
  return { description, content: { "text/event-stream": { schema } } };
}

export function jsonBody(schema: JsonSchema): NonNullable<OpenApiOperation["requestBody"]> {
  return { required: true, content: { "application/json": { schema } } };
}

/** Describes problem responses by status: `problems({ 404: "no such process" })`. */
export function problems(byStatus: Readonly<Record<number, string>>): Record<string, OpenApiResponse> {
  const responses: Record<string, OpenApiResponse> = {};
  for (const [status, description] of Object.entries(byStatus)) {
    responses[status] = { description, content: { "application/problem+json": { schema: ref("Problem") } } };
  }
  return responses;
}

/** For {@link problems} of routes that access a path: the status of `sandbox.mount_not_responding`. */
export const unresponsiveMount = { 504: "A file system on the path does not respond" } as const;

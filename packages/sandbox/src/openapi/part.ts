/** A JSON Schema, dialect 2020-12, as OpenAPI 3.1 takes it. */
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
  /** Empty where no token is asked for. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  /** True where the GET of the path is, or also takes, a WebSocket upgrade. */
  readonly "x-websocket"?: true;
}

export type OpenApiMethod = "get" | "post" | "put" | "patch" | "delete";

export type OpenApiPath = Readonly<Partial<Record<OpenApiMethod, OpenApiOperation>>>;

/** What one part of the server says about its routes: paths with `{parameters}`, schemas by name. */
export interface OpenApiPart {
  readonly paths: Readonly<Record<string, OpenApiPath>>;
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/** A reference to a schema of any part, by its name. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object with these properties; those named in `optional` may be absent. */
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

/** A parameter of the path; every operation of a path with parameters lists them. */
export function pathParameter(name: string, description?: string): OpenApiParameter {
  return {
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...(description === undefined ? {} : { description }),
  };
}

/** An answer with a JSON body. */
export function json(description: string, schema: JsonSchema): OpenApiResponse {
  return { description, content: { "application/json": { schema } } };
}

export function empty(description: string): OpenApiResponse {
  return { description };
}

/** A stream of server-sent events; `schema` is that of one event's data. */
export function events(description: string, schema: JsonSchema): OpenApiResponse {
  return { description, content: { "text/event-stream": { schema } } };
}

export function jsonBody(schema: JsonSchema): NonNullable<OpenApiOperation["requestBody"]> {
  return { required: true, content: { "application/json": { schema } } };
}

/** The answers that are problem documents, by status, as `problems({ 404: "no such process" })`. */
export function problems(byStatus: Readonly<Record<number, string>>): Record<string, OpenApiResponse> {
  const responses: Record<string, OpenApiResponse> = {};
  for (const [status, description] of Object.entries(byStatus)) {
    responses[status] = { description, content: { "application/problem+json": { schema: ref("Problem") } } };
  }
  return responses;
}

/** For {@link problems}, where a path is looked at: the answer of `sandbox.mount_not_responding`. */
export const silentMount = { 504: "A file system on the way does not answer" } as const;

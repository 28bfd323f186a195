/** The HTTP and WebSocket API of the inspector. */
import type { ActorInspection, ActorInstance } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";

/** One request to the inspector of an actor, over HTTP or WebSocket. */
export interface InspectorRequest {
  readonly method: string;
  /** Path below `/inspector`; begins with a slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Decoded; undefined if there is none. */
  readonly body: unknown;
  /** The rights of the caller: the owner's, or those of the actor's own token. */
  readonly rights: "owner" | "actor";
}

export interface InspectorResponse {
  readonly status: number;
  readonly body?: unknown;
}

/** The arguments of a route's handler. */
export interface InspectorContext {
  readonly request: InspectorRequest;
  readonly directory: Directory;
  readonly instance: ActorInstance;
  readonly inspection: ActorInspection;
  /** The values of the path parameters. */
  readonly params: readonly string[];
}

/** Returns the body of a response with status 200. */
export type InspectorHandler = (context: InspectorContext) => Promise<unknown> | unknown;

export interface InspectorRoute {
  readonly method: string;
  /** Segments; one that begins with ":" is a parameter. */
  readonly path: string;
  readonly handler: InspectorHandler;
}

/** A route that reads only the store: it wakes no actor, and works for an actor that cannot be woken. */
export interface StoredRoute {
  readonly method: string;
  readonly path: string;
  readonly stored: (
    context: Pick<InspectorContext, "request" | "directory"> & { readonly id: string },
  ) => Promise<unknown>;
}

export function badRequest(message: string): HoldfastError {
  return new HoldfastError("actor", "invalid_request", message, { statusCode: 400 });
}

/** The body as an object. Throws `actor.invalid_request`. */
export function fields(request: InspectorRequest): Readonly<Record<string, unknown>> {
  const { body } = request;
  if (body === undefined) return {};
  if (typeof body === "object" && body !== null && !Array.isArray(body)) {
    return body as Readonly<Record<string, unknown>>;
  }
  throw badRequest("The body is not an object");
}

export function textField(request: InspectorRequest, name: string): string {
  const value = fields(request)[name];
  if (typeof value === "string" && value !== "") return value;
  throw badRequest(`\`${name}\` is missing`);
}

/** An integer of the query, within bounds. Throws `actor.invalid_request`. */
export function numberOf(
  request: InspectorRequest,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = request.query.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw badRequest(`\`${name}\` is not an integer from ${min} to ${max}`);
}

/** `{ args: [] }` or `{ properties: {} }`, not both. Throws `actor.invalid_request`. */
export function argumentsOf(
  request: InspectorRequest,
): { readonly args: readonly unknown[] } | { readonly properties: Readonly<Record<string, unknown>> } {
  const { args, properties } = fields(request);
  if (args !== undefined && properties !== undefined) {
    throw badRequest("Give `args` or `properties`, not both");
  }
  if (properties !== undefined) {
    if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
      throw badRequest("`properties` is not an object");
    }
    return { properties: properties as Readonly<Record<string, unknown>> };
  }
  if (args !== undefined && !Array.isArray(args)) throw badRequest("`args` is not an array");
  return { args: args ?? [] };
}

/** Removes undefined members, which JSON would encode with a tag. */
export function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<T>;
}

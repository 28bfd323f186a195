/** Reading requests about people, and answering them. */
import type { IncomingMessage } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { Person } from "../access/person.ts";
import { readBody } from "../http/read-body.ts";
import type { RouteCall } from "../http/routes.ts";
import { studioLimits } from "../limits.ts";

export type Body = Readonly<Record<string, unknown>>;

/** Answers with JSON, or without a body. */
export function send({ response }: RouteCall, status: number, value?: unknown): void {
  const type = value === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, "cache-control": "no-store" });
  response.end(value === undefined ? undefined : JSON.stringify(value));
}

/** Whoever sends the request: its rule lets nobody else in. */
export function personOf({ person }: RouteCall): Person {
  if (person === undefined) throw new Error("The rule of this route lets nobody in without signing in");
  return person;
}

/** The body, which must be JSON. Throws `message.invalid`. */
export async function bodyOf({ request }: { readonly request: IncomingMessage }): Promise<Buffer> {
  const type = request.headers["content-type"];
  const body = await readBody(request, studioLimits.maxPeopleBodyBytes);
  if (body.length === 0 || /^application\/json\b/.test(type ?? "")) return body;
  throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
}

/** The object in the body. Throws `message.invalid`. */
export async function jsonOf(call: RouteCall): Promise<Body> {
  return parse(await bodyOf(call));
}

export function parse(body: Buffer): Body {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  } catch {
    // Reported below, like any other invalid body.
  }
  throw invalid("The body must be an object as JSON");
}

export function textOf(value: unknown, name: string, max: number): string {
  if (typeof value === "string" && value.trim() !== "" && value.length <= max) return value;
  throw invalid(`${name} must be text of 1 to ${max} characters`);
}

export function oneOf<Value extends string>(value: unknown, name: string, values: readonly Value[]): Value {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${values.join(", ")}`);
}

export function daysOf(value: unknown): number {
  const days = value ?? 90;
  if (Number.isInteger(days) && Number(days) >= 1 && Number(days) <= studioLimits.maxTokenDays)
    return Number(days);
  throw invalid(`days must be a whole number from 1 to ${studioLimits.maxTokenDays}`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("message", "invalid", message, { statusCode: 400 });
}

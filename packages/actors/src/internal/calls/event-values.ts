import { encodeValue, HoldfastError, isErrorCode, type StandardSchema, validate } from "@holdfast/core";
import type { EventOptions } from "../../event.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import { presenceEvent } from "../connections/presence.ts";

/**
 * Validates and encodes an event. A single argument is the payload; several arguments form a tuple. Throws
 * `actor.validation_error`, `event.async_schema`, `message.unsupported_value`.
 */
export function encodeEvent(
  rule: EventOptions | undefined,
  name: string,
  args: readonly unknown[],
): OutgoingEvent {
  const checked = rule?.schema === undefined ? args : checkPayload(rule.schema, name, args);
  return { name, args: encodeValue(checked) };
}

/** Throws `event.reserved_name`, and a `TypeError` for a name that is not a string: programs may be untyped. */
export function checkEventName(name: unknown): void {
  if (typeof name !== "string") throw new TypeError("The name of an event is a string");
  if (name !== presenceEvent) return;
  throw new HoldfastError("event", "reserved_name", `"${presenceEvent}" is sent by c.presence alone`);
}

function checkPayload(schema: StandardSchema, name: string, args: readonly unknown[]): readonly unknown[] {
  const what = `The event "${name}"`;
  if (args.length > 1) return asTuple(checked(schema, args, what));
  try {
    return [checked(schema, args[0], what)];
  } catch (error) {
    if (!isErrorCode(error, "actor", "validation_error")) throw error;
    try {
      return asTuple(checked(schema, args, what));
    } catch {
      // The error about the payload itself is more useful than the one about the tuple.
      throw error;
    }
  }
}

function checked(schema: StandardSchema, payload: unknown, what: string): unknown {
  const result = validate(schema, payload, { group: "actor", code: "validation_error", what });
  if (!(result instanceof Promise)) return result;
  result.catch(() => {});
  const message = `${what} has an asynchronous schema. An event is validated while it is sent; use a synchronous schema`;
  throw new HoldfastError("event", "async_schema", message, { statusCode: 500 });
}

function asTuple(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

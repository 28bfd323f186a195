import type { AnyDefinition } from "@holdfast/actors";
import { version } from "@holdfast/core";
import { anyValue, type JsonSchema, jsonSchemaOf, settleReferences } from "./json-schema.ts";

/** Connections of a registry as an AsyncAPI 3.0 document: https://www.asyncapi.com/docs/reference/specification/v3.0.0 */
export function asyncApi(definitions: ReadonlyMap<string, AnyDefinition>): Record<string, unknown> {
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  for (const [name, definition] of definitions)
    addActor(name, definition["~definition"], channels, operations);
  return settleReferences({
    asyncapi: "3.0.0",
    info: {
      title: "Connections of actors",
      version,
      description:
        "A WebSocket that offers the subprotocols holdfast.v1 and holdfast.encoding.json. Each message is a " +
        "list of frames, each frame a list that begins with its number.",
    },
    defaultContentType: "application/json",
    channels,
    operations,
  });
}

function addActor(
  name: string,
  definition: AnyDefinition["~definition"],
  channels: Record<string, unknown>,
  operations: Record<string, unknown>,
): void {
  const id = channelId(name);
  const messages: Record<string, unknown> = {
    call: message("Calls an action", frame(1, { type: "integer" }, actionName(definition), list, text)),
    cancel: message("Cancels a call", frame(2, { type: "integer" }, text)),
    subscribe: message("Subscribes to an event", frame(3, eventName(definition))),
    unsubscribe: message("Ends a subscription", frame(4, eventName(definition))),
    result: message("The result of a call", { type: "array", prefixItems: [number, number, anyValue] }),
    error: message("The error of a call, or of the connection", {
      type: "array",
      prefixItems: [number, anyValue],
    }),
  };
  for (const [event, { schema }] of definition.events) {
    messages[`event.${channelId(event)}`] = message(`The event ${event}`, {
      type: "array",
      description: "The frame of an event, with its name and arguments",
      prefixItems: [number, { const: event }, argumentsSchema(schema)],
    });
  }
  channels[id] = {
    address: `/actors/${encodeURIComponent(name)}/{actor}/connect`,
    title: name,
    parameters: { actor: { description: 'An id, or "@" and the text of a key' } },
    messages,
    bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
  };
  const refs = (names: readonly string[]) =>
    names.map((each) => ({ $ref: `#/channels/${id}/messages/${each}` }));
  const sent = ["call", "cancel", "subscribe", "unsubscribe"];
  const channel = { $ref: `#/channels/${id}` };
  // Relative to the server, as the specification requires.
  operations[`${id}.receive`] = { action: "receive", channel, messages: refs(sent) };
  operations[`${id}.send`] = {
    action: "send",
    channel,
    messages: refs(Object.keys(messages).filter((each) => !sent.includes(each))),
  };
}

const number: JsonSchema = { type: "integer" };
const text: JsonSchema = { type: "string" };
const list: JsonSchema = { type: "array" };

function frame(kind: number, ...rest: readonly JsonSchema[]): JsonSchema {
  return { type: "array", prefixItems: [{ const: kind }, ...rest] };
}

function message(summary: string, payload: JsonSchema): Record<string, unknown> {
  return { summary, contentType: "application/json", payload };
}

function actionName({ actions }: AnyDefinition["~definition"]): JsonSchema {
  return actions.size === 0 ? text : { enum: [...actions.keys()] };
}

function eventName({ events }: AnyDefinition["~definition"]): JsonSchema {
  return events.size === 0 ? text : { anyOf: [{ enum: [...events.keys()] }, text] };
}

/** A tuple describes the arguments; any other schema describes the only one. */
function argumentsSchema(schema: unknown): JsonSchema {
  if (schema === undefined) return list;
  const payload = jsonSchemaOf(schema, "output");
  return payload["type"] === "array" ? payload : { type: "array", prefixItems: [payload] };
}

/** Characters that the specification allows in an id. */
function channelId(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
}

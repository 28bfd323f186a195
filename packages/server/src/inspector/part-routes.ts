import { HoldfastError, isHoldfastError } from "@holdfast/core";
import {
  argumentsOf,
  badRequest,
  fields,
  type InspectorContext,
  type InspectorRoute,
  numberOf,
  textField,
} from "./request.ts";
import { messageOf, queueOf, workflowOf } from "./shapes.ts";

/** Queues, schedules and workflows. */
export const partRoutes: readonly InspectorRoute[] = [
  {
    method: "GET",
    path: "/queue",
    handler: async ({ inspection, request }) =>
      queueOf(inspection, await inspection.queues.list(numberOf(request, "limit", 100, 1, 1_000))),
  },
  {
    method: "POST",
    path: "/queue",
    handler: async ({ inspection, request }) => {
      const { body, options } = fields(request);
      const sent = await inspection.queues.send(textField(request, "name"), body, options);
      return { id: sent.id, name: sent.name, createdAtMs: sent.createdAt };
    },
  },
  {
    method: "DELETE",
    path: "/queue",
    handler: async ({ inspection }) => ({ cleared: await inspection.queues.clear() }),
  },
  {
    method: "GET",
    path: "/queue/dead-letters",
    handler: async ({ inspection, request }) => {
      const letters = await inspection.queues.deadLetters(numberOf(request, "limit", 100, 1, 1_000));
      return { messages: letters.map(messageOf) };
    },
  },
  {
    method: "POST",
    path: "/queue/dead-letters/:id/retry",
    handler: async (context) => {
      await context.inspection.queues.retry(messageId(context));
      return { ok: true };
    },
  },
  {
    method: "DELETE",
    path: "/queue/dead-letters/:id",
    handler: async (context) => {
      await context.inspection.queues.deleteDeadLetter(messageId(context));
      return { ok: true };
    },
  },
  {
    method: "DELETE",
    path: "/queue/:id",
    handler: async (context) => ({ ok: await context.inspection.queues.delete(messageId(context)) }),
  },
  { method: "GET", path: "/schedules", handler: ({ inspection }) => inspection.schedules.list() },
  {
    method: "GET",
    path: "/schedules/:name/history",
    handler: async ({ inspection, request, params: [name = ""] }) => ({
      history: await inspection.schedules.history(name, numberOf(request, "limit", 20, 1, 1_000)),
    }),
  },
  {
    method: "DELETE",
    path: "/schedules/:name",
    handler: async ({ inspection, params: [name = ""] }) => found(await inspection.schedules.delete(name)),
  },
  {
    method: "POST",
    path: "/schedules/:name/:verb",
    handler: async ({ inspection, params: [name = "", verb = ""] }) => {
      const { schedules } = inspection;
      switch (verb) {
        case "run":
          return { ok: await schedules.run(name) };
        case "pause":
          return found(await schedules.pause(name));
        case "resume":
          return found(await schedules.resume(name));
        case "retry":
          return found(await schedules.retry(name));
        default:
          throw notFound("path");
      }
    },
  },
  {
    method: "GET",
    path: "/workflow-history",
    handler: async ({ inspection }) => workflowOf(await inspection.workflow.history()),
  },
  {
    method: "POST",
    path: "/workflow/replay",
    handler: async ({ inspection, request }) => {
      const { entryId } = fields(request);
      if (entryId !== undefined && typeof entryId !== "string") throw badRequest("`entryId` is not a string");
      await inspection.workflow.replay(entryId);
      return workflowOf(await inspection.workflow.history());
    },
  },
  {
    method: "POST",
    path: "/workflow/cancel",
    handler: async ({ inspection, request }) => {
      const { reason } = fields(request);
      if (reason !== undefined && typeof reason !== "string") throw badRequest("`reason` is not a string");
      return { ok: await inspection.workflow.cancel(reason) };
    },
  },
];

/** SQLite and key-value entries. */
export const storageRoutes: readonly InspectorRoute[] = [
  {
    method: "GET",
    path: "/database/schema",
    handler: async ({ inspection }) => ({ schema: { tables: await inspection.database.schema() } }),
  },
  {
    method: "GET",
    path: "/database/rows",
    handler: async ({ inspection, request }) => {
      const table = request.query.get("table");
      if (table === null || table === "") throw badRequest("`table` is missing");
      const limit = numberOf(request, "limit", 100, 1, 500);
      const offset = numberOf(request, "offset", 0, 0, Number.MAX_SAFE_INTEGER);
      try {
        return { rows: await inspection.database.rows(table, limit, offset) };
      } catch (error) {
        throw sqlError(error);
      }
    },
  },
  {
    method: "POST",
    path: "/database/execute",
    handler: async ({ inspection, request }) => {
      const sql = textField(request, "sql");
      const { readOnly } = fields(request);
      const given = argumentsOf(request);
      const args = "args" in given ? given.args : given.properties;
      try {
        return { rows: await inspection.database.execute(sql, args, readOnly === true) };
      } catch (error) {
        throw sqlError(error);
      }
    },
  },
  {
    method: "GET",
    path: "/kv",
    handler: async ({ inspection, request }) => {
      const limit = numberOf(request, "limit", 100, 1, 1_000);
      const after = request.query.get("cursor");
      const entries = await inspection.kv.list({
        prefix: new TextEncoder().encode(request.query.get("prefix") ?? ""),
        after: after === null ? undefined : keyBytes(after),
        limit: limit + 1,
        reverse: request.query.get("reverse") === "true",
      });
      const shown = entries.slice(0, limit);
      const last = shown.at(-1);
      return {
        entries: shown.map(({ key, value }) => ({ ...keyFields(key), ...valueFields(value) })),
        ...(entries.length > limit && last !== undefined ? { cursor: keyText(last.key) } : {}),
      };
    },
  },
  {
    method: "GET",
    path: "/kv/:key",
    handler: async ({ inspection, params: [key = ""] }) => {
      const value = await inspection.kv.get(keyBytes(key));
      if (value === undefined) throw notFound("entry");
      return { key, ...valueFields(value) };
    },
  },
  {
    method: "PUT",
    path: "/kv/:key",
    handler: async ({ inspection, request, params: [key = ""] }) => {
      const { text, value } = fields(request);
      if (typeof text === "string") await inspection.kv.put(keyBytes(key), new TextEncoder().encode(text));
      else if (value instanceof Uint8Array) await inspection.kv.put(keyBytes(key), value);
      else throw badRequest("Give `text`, or bytes as `value`");
      return { ok: true };
    },
  },
  {
    method: "DELETE",
    path: "/kv/:key",
    handler: async ({ inspection, params: [key = ""] }) => {
      await inspection.kv.delete(keyBytes(key));
      return { ok: true };
    },
  },
];

function messageId({ params: [text = ""] }: InspectorContext): number {
  const id = Number(text);
  if (text !== "" && Number.isSafeInteger(id)) return id;
  throw badRequest("The id of a message is a number");
}

function found(ok: boolean): { readonly ok: true } {
  if (ok) return { ok: true };
  throw notFound("schedule");
}

function notFound(what: string): HoldfastError {
  return new HoldfastError("inspector", "not_found", `There is no such ${what}`, { statusCode: 404 });
}

/** The SQL is the caller's own: SQLite's error message is for the caller. */
function sqlError(error: unknown): unknown {
  if (isHoldfastError(error) && error.group === "db" && error.statusCode === 500) {
    const { code, message, metadata } = error;
    return new HoldfastError("db", code, message, { statusCode: 400, metadata, cause: error });
  }
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  return new HoldfastError("db", "sql_error", error.message, {
    statusCode: 400,
    metadata: { errcode: error.errcode },
  });
}

function keyBytes(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw badRequest("Keys are in base64url");
  return new Uint8Array(Buffer.from(text, "base64url"));
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key).toString("base64url");
}

/** The value as text in addition to its bytes, if it is text. */
function keyFields(key: Uint8Array): { readonly key: string; readonly keyText?: string } {
  const text = textOf(key);
  return { key: keyText(key), ...(text === undefined ? {} : { keyText: text }) };
}

function valueFields(value: Uint8Array): {
  readonly size: number;
  readonly value: Uint8Array;
  readonly text?: string;
} {
  const text = textOf(value);
  return { size: value.length, value, ...(text === undefined ? {} : { text }) };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

import { stateAt } from "@holdfast/actors";
import { trustedDepth } from "@holdfast/client";
import { decodeValue, HoldfastError } from "@holdfast/core";
import {
  argumentsOf,
  badRequest,
  fields,
  type InspectorRoute,
  numberOf,
  type StoredRoute,
} from "./request.ts";
import { stateOf, summaryOf, tabOf } from "./shapes.ts";

/** State, connections, actions, logs, traces and tabs. */
export const actorRoutes: readonly InspectorRoute[] = [
  {
    method: "GET",
    path: "/summary",
    handler: async ({ inspection, instance, directory }) => {
      const record = await directory.store.get(instance.id);
      return {
        ...(await summaryOf(inspection, {
          id: instance.id,
          name: directory.namespaces.bare(instance.name),
          key: instance.key,
          status: "running",
        })),
        ...(record === undefined ? {} : { createdAt: record.createdAt }),
        ...(instance.wakeAt === undefined ? {} : { wakeAt: instance.wakeAt }),
      };
    },
  },
  { method: "GET", path: "/state", handler: ({ inspection }) => stateOf(inspection) },
  {
    method: "PATCH",
    path: "/state",
    handler: async ({ inspection, request }) => {
      const body = fields(request);
      if (!("state" in body)) throw badRequest("`state` is missing");
      await inspection.setState(body["state"]);
      return { ok: true };
    },
  },
  {
    method: "GET",
    path: "/connections",
    handler: ({ inspection }) => ({ connections: inspection.connections() }),
  },
  {
    method: "DELETE",
    path: "/connections/:id",
    handler: async ({ inspection, params: [id = ""] }) => ({ ok: await inspection.disconnect(id) }),
  },
  { method: "GET", path: "/rpcs", handler: ({ inspection }) => ({ rpcs: inspection.rpcs }) },
  {
    method: "POST",
    path: "/action/:name",
    handler: async ({ directory, instance, request, params: [name = ""] }) => {
      const given = argumentsOf(request);
      const args = "args" in given ? given.args : [given.properties];
      const target = { type: "id", name: instance.name, id: instance.id } as const;
      const result = await directory.invoke(target, { name, args });
      return { output: decodeValue(result, { maxDepth: trustedDepth }) ?? null };
    },
  },
  {
    method: "GET",
    path: "/logs",
    handler: ({ directory, instance, request }) => {
      const after = numberOf(request, "after", 0, 0, Number.MAX_SAFE_INTEGER);
      return directory.logs.read(instance.id, after, numberOf(request, "limit", 100, 1, 200));
    },
  },
  {
    method: "GET",
    path: "/traces",
    handler: ({ directory, instance, request }) => {
      const { MAX_SAFE_INTEGER: end } = Number;
      return directory.spans.read(instance.id, {
        startMs: numberOf(request, "startMs", 0, 0, end),
        endMs: numberOf(request, "endMs", end, 0, end),
        limit: numberOf(request, "limit", 100, 1, 1_000),
      });
    },
  },
  { method: "GET", path: "/tabs", handler: ({ inspection }) => ({ tabs: inspection.tabs.map(tabOf) }) },
  {
    method: "GET",
    path: "/token",
    handler: async ({ inspection, request }) => {
      if (request.rights === "owner") return { token: await inspection.token() };
      const message = "The token of an actor does not allow reading the token";
      throw new HoldfastError("inspector", "forbidden", message, { statusCode: 403 });
    },
  },
];

/** History. */
export const storedRoutes: readonly StoredRoute[] = [
  {
    method: "GET",
    path: "/history/at",
    stored: async ({ directory, id, request }) => {
      if (request.query.get("time") === null) throw badRequest("`time` is missing");
      const at = numberOf(request, "time", 0, 0, Number.MAX_SAFE_INTEGER);
      return { state: (await stateAt(directory.store, id, at)) ?? null, at };
    },
  },
];

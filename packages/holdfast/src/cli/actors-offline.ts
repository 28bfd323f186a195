import { existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { exportActor, stateAt } from "@holdfast/actors";
import {
  decodeKey,
  defaultNamespace,
  HoldfastError,
  isErrorCode,
  qualifiedName,
  splitName,
  systemPorts,
} from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import type { ManagementClient } from "./management-client.ts";

/**
 * Reads a data directory on which no server runs. Only reads that run no code of the actors are possible; anything
 * else throws `control.not_running`. The lock of the store excludes servers in the meantime.
 */
export function offlineActors(dataDirectory: string): ManagementClient {
  const withStore = async <T>(use: (store: SqliteStore) => Promise<T>): Promise<T> => {
    const path = join(dataDirectory, "actors");
    if (!existsSync(path)) throw notRunning();
    const store = await openSqliteStore({ path, ports: systemPorts() }).catch((error: unknown) => {
      if (!isErrorCode(error, "store", "locked")) throw error;
      const message =
        "A server has this data directory open. Name its address, for example --url http://127.0.0.1:6420";
      throw new HoldfastError("store", "locked", message, { cause: error });
    });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  };
  return {
    url: dataDirectory,
    ask: (method, path) => withStore((store) => answer(store, method, new URL(path, "http://offline"))),
    fetch: (method, path) =>
      withStore(async (store) => {
        const target = /^\/actors\/([^/]+)\/([^/]+)\/export$/.exec(path);
        if (method !== "GET" || target === null) throw notRunning();
        const id = await idOf(store, target[1] ?? "", target[2] ?? "");
        // Read before the store closes.
        const pieces: Uint8Array[] = [];
        for await (const piece of exportActor(store, id)) pieces.push(piece);
        return new Response(Readable.toWeb(Readable.from(pieces)) as ReadableStream<Uint8Array>);
      }),
  };
}

async function answer(store: SqliteStore, method: string, { pathname, searchParams }: URL): Promise<unknown> {
  const namespace = searchParams.get("namespace") ?? defaultNamespace;
  const asked = searchParams.get("name");
  const name = asked === null ? undefined : qualifiedName(namespace, asked);
  const prefix = searchParams.get("prefix");
  const after = searchParams.get("createdAfter");
  const cursor = searchParams.get("cursor");
  const filter = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === defaultNamespace ? {} : { namespaces: { only: namespace } }),
    ...(prefix === null ? {} : { keyPrefix: encodeURIComponent(prefix) }),
    ...(after === null ? {} : { createdAfter: Number(after) }),
  };
  if (method !== "GET") throw notRunning();
  if (pathname === "/actors/count") return { count: await store.count(filter) };
  if (pathname === "/actors") {
    // Without a server, every actor is asleep.
    if (searchParams.get("status") === "running") return { actors: [] };
    const limit = Number(searchParams.get("limit") ?? 100);
    const page = await store.list({ ...filter, limit, ...(cursor === null ? {} : { cursor }) });
    const actors = page.actors.map(({ id, name: kind, key, createdAt }) => ({
      id,
      name: namespace === defaultNamespace ? kind : (splitName(kind)?.name ?? kind),
      key,
      status: "sleeping",
      createdAt,
    }));
    return { actors, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) };
  }
  const actor = /^\/actors\/([^/]+)\/([^/]+)\/inspector\/(state|history\/at)$/.exec(pathname);
  if (actor === null) throw notRunning();
  const id = await idOf(store, actor[1] ?? "", actor[2] ?? "");
  const time = searchParams.get("time");
  const at = time === null ? Number.MAX_SAFE_INTEGER : Number(time);
  return { state: await stateAt(store, id, at) };
}

async function idOf(store: SqliteStore, name: string, segment: string): Promise<string> {
  const kind = decodeURIComponent(name);
  const record = segment.startsWith("@")
    ? await store.find(kind, decodeKey(segment.slice(1)))
    : await store.get(decodeURIComponent(segment));
  if (record !== undefined && record.destroyedAt === undefined && record.name === kind) return record.id;
  throw new HoldfastError("actor", "not_found", "The actor does not exist");
}

function notRunning(): HoldfastError {
  const message =
    "No server runs on this data directory, and this command needs one. Start it (npx holdfast start), or name it with --url";
  return new HoldfastError("control", "not_running", message);
}

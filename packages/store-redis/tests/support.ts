import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ActorDatabase, SqlParameters, SqlRow } from "@holdfast/actors";
import { createLogger, isErrorCode, type LogRecord, systemPorts } from "@holdfast/core";
import { openRedisStore, type RedisStore, type RedisStoreOptions } from "@holdfast/store-redis";
import { afterTest } from "@holdfast/testing";

export function tempDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-cache-"));
  afterTest(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

export type OpenOptions = Partial<RedisStoreOptions> & { readonly url: string };

/** Opens a store; it is closed after the test. */
export async function openStore(t: TestContext, options: OpenOptions): Promise<RedisStore> {
  const cachePath = options.cachePath ?? tempDirectory(t);
  const store = await openRedisStore({ ports: systemPorts(), cachePath, ...options });
  afterTest(t, () => store.close());
  return store;
}

/** Ports whose log is kept, as messages. */
export function listeningPorts() {
  const messages: string[] = [];
  const log = createLogger("info", ({ message }: LogRecord) => void messages.push(message));
  return { messages, ports: { ...systemPorts(), log } };
}

/** Matcher of an error `store.code` with a message. */
export function refusal(code: string, message: RegExp): (error: Error) => boolean {
  return (error) => {
    if (isErrorCode(error, "store", code) && message.test(error.message)) return true;
    throw new Error(`Expected store.${code} with ${message}`, { cause: error });
  };
}

export function sql(database: ActorDatabase, text: string, parameters?: SqlParameters): SqlRow[] {
  const statement = database.prepare(text);
  if (statement === undefined) throw new Error("There is no statement");
  return statement.rows(parameters);
}

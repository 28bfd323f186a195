import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
// Modules without imports: others take a quarter of the start of a thread.
import { connectionPragmas } from "./connection-pragmas.ts";
import { sqliteCode } from "./sqlite-code.ts";

/** Requests to the thread, handled one at a time. */
export type WorkerRequest =
  | { readonly type: "passive" | "restart" | "truncate" }
  | { readonly type: "copy"; readonly file: string }
  /** The same for any other file: opened for this one request. */
  | { readonly type: "checkpoint-file"; readonly file: string; readonly mode: "PASSIVE" | "TRUNCATE" }
  | { readonly type: "copy-file"; readonly file: string; readonly target: string }
  | { readonly type: "close" };

export type WorkerReply =
  | { readonly type: "done"; readonly busy: boolean; readonly frames: number; readonly moved: number }
  | { readonly type: "error"; readonly message: string; readonly code: number };

/** Commits wait while a checkpoint waits for readers, so it gives up soon. */
const busyTimeoutMs = 20;

const port = parentPort;
if (port !== null) {
  const database = new DatabaseSync(String(workerData), { timeout: busyTimeoutMs });
  database.exec(connectionPragmas);
  port.on("message", (request: WorkerRequest) => {
    if (request.type === "close") {
      database.close();
      port.close();
      return;
    }
    port.postMessage(handleRequest(database, request));
  });
}

function handleRequest(
  database: DatabaseSync,
  request: Exclude<WorkerRequest, { type: "close" }>,
): WorkerReply {
  try {
    if (request.type === "copy") {
      database.prepare("VACUUM INTO ?").run(request.file);
      return { type: "done", busy: false, frames: 0, moved: 0 };
    }
    if (request.type === "copy-file" || request.type === "checkpoint-file") return handleFileRequest(request);
    return checkpoint(database, request.type);
  } catch (error) {
    return {
      type: "error",
      message: error instanceof Error ? error.message : String(error),
      code: sqliteCode(error),
    };
  }
}

function handleFileRequest(
  request: Extract<WorkerRequest, { type: "copy-file" | "checkpoint-file" }>,
): WorkerReply {
  const database = openExisting(request.file);
  try {
    database.exec(connectionPragmas);
    if (request.type === "checkpoint-file") return checkpoint(database, request.mode);
    database.prepare("VACUUM INTO ?").run(request.target);
    return { type: "done", busy: false, frames: 0, moved: 0 };
  } finally {
    database.close();
  }
}

/**
 * A database that was removed since the request must stay removed: opening its path normally would create an empty
 * file.
 */
function openExisting(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  url.searchParams.set("mode", "rw");
  return new DatabaseSync(url, { timeout: busyTimeoutMs });
}

function checkpoint(database: DatabaseSync, mode: string): WorkerReply {
  const row = database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
  return {
    type: "done",
    busy: row?.["busy"] !== 0,
    frames: Number(row?.["log"]),
    moved: Number(row?.["checkpointed"]),
  };
}

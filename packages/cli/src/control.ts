import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import { HoldfastError } from "@holdfast/core";
import { withSocketAddress } from "./control-socket.ts";
import { controlSocketOf } from "./data-directory.ts";
import { describableError } from "./failure.ts";

/** A link with a new one-time ticket. */
export interface OwnerLink {
  readonly url: string;
  readonly ticket: string;
  /** True if the server ends with the command that started it. */
  readonly passing?: boolean;
}

/**
 * The owner's access to a running server: HTTP on a Unix socket in the data directory, which only its owner can open.
 * It issues one-time tickets and makes backups; everything else goes through the same gateway as the browser.
 */
export interface ControlActions {
  url(): Promise<OwnerLink>;
  backup(directory: string): Promise<void>;
  /** Calls the gate of a node of a cluster, whose secrets and audit chains are not in the files of the data directory. */
  gate(call: string, args: readonly unknown[]): Promise<unknown>;
}

export interface ControlServer {
  close(): Promise<void>;
}

const maxBodyBytes = 65_536;

export async function serveControl(dataDirectory: string, actions: ControlActions): Promise<ControlServer> {
  const path = controlSocketOf(dataDirectory);
  // The caller holds the lock of the data directory, so an existing socket belongs to a dead server.
  await rm(path, { force: true });
  const server = createServer((incoming, response) => {
    answer(incoming, actions).then(
      (body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (thrown: unknown) => {
        const error = describableError(thrown);
        response.writeHead(error?.statusCode ?? 500, { "content-type": "application/json" });
        response.end(
          JSON.stringify({
            group: error?.group ?? "internal",
            code: error?.code ?? "internal_error",
            message: error?.message ?? String(thrown),
          }),
        );
      },
    );
  });
  await withSocketAddress(
    path,
    (address) =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(address, resolve);
      }),
  );
  await chmod(path, 0o600);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      // Removed by its path: the address that it was opened with may no longer resolve.
      await rm(path, { force: true });
    },
  };
}

async function answer(incoming: IncomingMessage, actions: ControlActions): Promise<unknown> {
  const body = await readJson(incoming);
  if (incoming.method === "POST" && incoming.url === "/url") return actions.url();
  if (incoming.method === "POST" && incoming.url === "/backup") {
    const directory = (body as { directory?: unknown } | null)?.directory;
    if (typeof directory !== "string")
      throw new HoldfastError("control", "invalid_request", "directory is missing", { statusCode: 400 });
    await actions.backup(directory);
    return {};
  }
  if (incoming.method === "POST" && incoming.url === "/gate") {
    const { call, args } = (body ?? {}) as { call?: unknown; args?: unknown };
    if (typeof call !== "string" || !Array.isArray(args))
      throw new HoldfastError("control", "invalid_request", "call or args is missing", { statusCode: 400 });
    return { result: (await actions.gate(call, args)) ?? null };
  }
  throw new HoldfastError("control", "not_found", "There is no such control request", { statusCode: 404 });
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes)
      throw new HoldfastError("control", "invalid_request", "The request is too large", { statusCode: 413 });
    chunks.push(chunk);
  }
  if (size === 0) return null;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new HoldfastError("control", "invalid_request", "The request is not JSON", { statusCode: 400 });
  }
}

/**
 * Sends a request to the server that owns `dataDirectory`; undefined when none is running. Throws the server's error.
 */
export async function askControl<Answer>(
  dataDirectory: string,
  path: "/url" | "/backup" | "/gate",
  body: unknown = null,
): Promise<Answer | undefined> {
  const outcome = await withSocketAddress(controlSocketOf(dataDirectory), (socketPath) =>
    post(socketPath, path, JSON.stringify(body)),
  ).catch((error: NodeJS.ErrnoException) => {
    // No directory, no socket, or the socket of a killed server.
    if (error.code === "ENOENT" || error.code === "ECONNREFUSED") return undefined;
    throw error;
  });
  if (outcome === undefined) return undefined;
  const value = JSON.parse(outcome.text) as unknown;
  if (outcome.status === 200) return value as Answer;
  const error = value as { group: string; code: string; message: string };
  throw new HoldfastError(error.group, error.code, error.message, { statusCode: outcome.status });
}

interface Outcome {
  readonly status: number;
  readonly text: string;
}

function post(socketPath: string, path: string, body: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: "POST" }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 500, text }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The error of a command that needs a running server. */
export function notRunning(): HoldfastError {
  return new HoldfastError(
    "control",
    "not_running",
    "No server runs on this data directory. Start one: npx holdfast start",
  );
}

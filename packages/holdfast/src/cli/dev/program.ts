/**
 * Runs in the process of a version of the program, before it: `node --import program.ts ENTRY`. Reports the files that
 * the program loads, lets it open its data and its ports when the version before has ended, and serves its registry on
 * a port of its own.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { Server } from "node:net";
import { setImmediate } from "node:timers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type DevRegistry, installDevHost } from "../../internal/dev-host.ts";
import type { FromProgram, LoadedFile, ToProgram } from "./messages.ts";

/** Sources of Holdfast, in a checkout: no files of the program. */
const own = new URL("../../../../", import.meta.url).href;
const entry = pathToFileURL(process.argv[1] ?? "").href;
const publicUrl = process.env["HOLDFAST_DEV_URL"];
const registries = new Set<DevRegistry>();
const turn = Promise.withResolvers<void>();
// Of no use to the program, and to those that it starts.
delete process.env["HOLDFAST_DEV_URL"];

let waits = false;
let isServed = false;

const send = (message: FromProgram): void => void process.send?.(message);

function mayOpen(): Promise<void> {
  if (!waits) send({ type: "waits" });
  waits = true;
  return turn.promise;
}

installDevHost({
  mayOpen,
  created(registry) {
    registries.add(registry);
    const listen = registry.listen.bind(registry);
    registry.listen = async (options = {}) => {
      const directory = await registry.directory();
      directory.publicUrl ??= publicUrl;
      // The port of the program is that of `holdfast dev`.
      const listening = await listen({ ...options, port: 0, host: "127.0.0.1" });
      serve(listening.port);
      return listening;
    };
  },
});

function serve(port: number): void {
  if (isServed) return;
  isServed = true;
  const actors = [...registries].flatMap(({ settings }) => Object.keys(settings.use));
  send({ type: "listens", port, actors });
}

// A server of the program itself takes its port from the version before, too.
const listenNow = Server.prototype.listen;
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  void mayOpen().then(() => Reflect.apply(listenNow, this, args));
  return this;
} as typeof listenNow;

const loaded: LoadedFile[] = [];
let isStarted = false;

function report(url: string): void {
  const path = fileURLToPath(url);
  loaded.push({ path, hash: createHash("sha256").update(readFileSync(path)).digest("hex") });
  if (loaded.length === 1) setImmediate(flush);
}

function flush(): void {
  if (loaded.length > 0) send({ type: "loaded", files: loaded.splice(0) });
}

nodeModule.registerHooks({
  load(url, context, next) {
    if (!url.startsWith("file:") || url.includes("/node_modules/") || isOwn(url)) return next(url, context);
    if (url === entry && !isStarted) {
      isStarted = true;
      setImmediate(() => void serveWhenLoaded());
    }
    try {
      const result = next(url, context);
      report(url);
      return result;
    } catch (error) {
      missing(url);
      throw error;
    }
  },
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      // Its creation is a change.
      const isPath = specifier.startsWith(".") || specifier.startsWith("/");
      if (isPath && context.parentURL !== undefined) missing(new URL(specifier, context.parentURL).href);
      throw error;
    }
  },
});

function isOwn(url: string): boolean {
  return own.endsWith("/packages/") && url.startsWith(own);
}

function missing(url: string): void {
  // Sent at once: the process ends with this error.
  if (url.startsWith("file:"))
    send({ type: "loaded", files: [{ path: fileURLToPath(url), hash: undefined }] });
}

/** A program that only exports its registry is served all the same. */
async function serveWhenLoaded(): Promise<void> {
  try {
    await import(entry);
  } catch {
    // Node ends the process with this error, as the program is its main module.
    return;
  }
  if (isServed) return;
  const [registry] = registries;
  if (registry === undefined) {
    send({ type: "no-registry" });
    return;
  }
  try {
    await registry.start();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

async function stop(): Promise<void> {
  turn.resolve();
  await Promise.allSettled([...registries].map((registry) => registry.shutdown()));
  process.exit(0);
}

// What could not be loaded ends the process before its turn.
process.on("exit", flush);
process.on("message", (message: ToProgram) => {
  if (message.type === "open") turn.resolve();
  else void stop();
});
// The command has been killed.
process.on("disconnect", () => void stop());
// A signal from the terminal reaches every process of it: the command decides when this one ends.
process.on("SIGINT", () => undefined);

import type { Exchange } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import type { SandboxLimits } from "../../limits.ts";
import { withDirectory } from "../paths/directory.ts";
import { toDisplay } from "../paths/names.ts";
import type { Place } from "../paths/paths.ts";
import { TreeWatcher } from "./tree-watcher.ts";

/** How long to collect further changes after the first one. */
const settleMs = 20;

/**
 * Streams the changes of a directory as server-sent events until the client disconnects: `ready` once the watch is
 * complete, then `change` events with `type`, `path` and `entryType`. Pending changes are not queued: a slow client
 * gets fewer events, each with the current state. `failed` ends the stream, when the directory was removed or exceeds
 * a limit.
 */
export async function sendChanges(
  exchange: Exchange,
  place: Place,
  recursive: boolean,
  limits: SandboxLimits,
): Promise<void> {
  if (process.platform !== "linux") {
    throw problem("not_supported", 501, "directories are watched on Linux only");
  }
  const { request, response, signal } = exchange;
  await withDirectory(place.path, async (inside) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const stream = new ChangeStream(exchange, place);
    const options = { recursive, maxDirectories: limits.maxWatchedDirectories };
    const watcher = new TreeWatcher(inside, {
      ...options,
      onDirty: () => stream.wake(),
      onFailure: (code) => stream.fail(code),
    });
    const heartbeat = setInterval(() => {
      response.write(": heartbeat\n\n");
      watcher.checkRoot().catch(() => stream.fail("gone"));
    }, limits.heartbeatMs);
    signal.addEventListener("abort", () => stream.wake(), { once: true });
    try {
      await watcher.start();
      await stream.run(watcher);
    } finally {
      clearInterval(heartbeat);
      watcher.close();
      response.end();
    }
  });
}

class ChangeStream {
  readonly #exchange: Exchange;
  readonly #place: Place;
  #seq = 0;
  #failure: string | undefined;
  #isDirty = false;
  #awake = Promise.withResolvers<void>();

  constructor(exchange: Exchange, place: Place) {
    this.#exchange = exchange;
    this.#place = place;
  }

  wake(): void {
    this.#isDirty = true;
    this.#awake.resolve();
  }

  fail(code: string): void {
    this.#failure ??= code;
    this.wake();
  }

  /** Sends changes until the client disconnects or the watch fails. */
  async run(watcher: TreeWatcher): Promise<void> {
    const { signal } = this.#exchange;
    await this.#send("ready", {});
    while (!signal.aborted) {
      if (!this.#isDirty) await this.#awake.promise;
      if (this.#failure !== undefined) {
        await this.#send("failed", { reason: this.#failure });
        return;
      }
      await waitOrAbort(settleMs, signal);
      this.#isDirty = false;
      this.#awake = Promise.withResolvers<void>();
      const base = this.#place.display === "/" ? "" : this.#place.display;
      for (const { type, path, isDirectory } of await watcher.changes()) {
        const entryType = isDirectory ? "directory" : "file";
        await this.#send("change", { type, ...toDisplay(`${base}/${path}`), entryType });
      }
    }
  }

  async #send(event: string, data: object): Promise<void> {
    const { response, signal } = this.#exchange;
    if (signal.aborted) return;
    this.#seq += 1;
    const text = `event: ${event}\nid: ${this.#seq}\ndata: ${JSON.stringify(data)}\n\n`;
    if (response.write(text)) return;
    const drained = Promise.withResolvers<void>();
    response.once("drain", drained.resolve);
    await untilAborted(drained, signal);
  }
}

async function waitOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(done.resolve, ms);
  await untilAborted(done, signal);
  clearTimeout(timer);
}

/** Removes its listener, because a watch may last for days. */
async function untilAborted(done: PromiseWithResolvers<void>, signal: AbortSignal): Promise<void> {
  const stop = () => done.resolve();
  signal.addEventListener("abort", stop);
  await done.promise;
  signal.removeEventListener("abort", stop);
}

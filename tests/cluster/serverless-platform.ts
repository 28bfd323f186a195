/** A platform that scales to zero: the first request starts the program, and it may end when none is left. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { Files } from "./certificates.ts";
import { secret } from "./nodes.ts";

interface Instance {
  readonly process: ChildProcess;
  readonly url: string;
  readonly log: () => string;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Platform {
  readonly #server: Server;
  readonly #scheme: "http" | "https";
  readonly #env: Readonly<Record<string, string>>;
  #instance: Promise<Instance> | undefined;
  /** Responses that have not ended. */
  #open = 0;
  /** Processes that were started. */
  starts = 0;

  /** With `tls`, it is reached over HTTPS. */
  constructor(env: Readonly<Record<string, string>>, tls?: Files) {
    this.#env = env;
    this.#scheme = tls === undefined ? "http" : "https";
    const pass = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      this.#pass(incoming, outgoing).catch(() => outgoing.writeHead(502).end());
    };
    this.#server =
      tls === undefined
        ? createServer(pass)
        : createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, pass);
  }

  /** Starts to listen. Returns the URL of the registry. */
  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/holdfast`;
  }

  /** Requests without the end of their response. */
  get open(): number {
    return this.#open;
  }

  get log(): Promise<string> {
    return this.#instance?.then(({ log }) => log()) ?? Promise.resolve("");
  }

  /** Freezes the process, as platforms do while it has no request. Its id. */
  async freeze(): Promise<number> {
    const instance = await this.#instance;
    if (instance?.process.pid === undefined) throw new Error("No process runs");
    instance.process.kill("SIGSTOP");
    return instance.process.pid;
  }

  /** The process runs again. */
  async thaw(): Promise<void> {
    (await this.#instance)?.process.kill("SIGCONT");
  }

  /** The next request starts another process. Returns the URL of this one. */
  async replace(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
    const instance = await this.#instance;
    this.#instance = undefined;
    if (instance === undefined) throw new Error("No process runs");
    return { url: `${instance.url}/api/holdfast`, process: instance.process };
  }

  /** Ends the process; the next request starts another one. Resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const instance = await this.#instance;
    this.#instance = undefined;
    if (instance === undefined || instance.process.exitCode !== null) return;
    const exited = once(instance.process, "exit");
    instance.process.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    await this.end("SIGKILL");
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.#open++;
    outgoing.once("close", () => this.#open--);
    this.#instance ??= this.#start();
    const { url } = await this.#instance;
    const { method, headers } = incoming;
    const passed = request(`${url}${incoming.url}`, { method, headers, agent: false }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.on("error", () => outgoing.destroy());
      response.once("aborted", () => outgoing.destroy());
      response.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.once("close", () => passed.destroy());
    incoming.pipe(passed);
  }

  async #start(): Promise<Instance> {
    this.starts++;
    const data = mkdtempSync(join(tmpdir(), "holdfast-function-"));
    removeAtExit(data);
    const child = fork(new URL("serverless-host.ts", import.meta.url).pathname, {
      execArgv: [...ownImports],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: {
        ...process.env,
        HOLDFAST_SERVERLESS: "1",
        HOLDFAST_CLUSTER_SECRET: secret,
        HOLDFAST_DATA: data,
        ...this.#env,
      },
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    let log = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    const [message] = (await once(child, "message")) as [{ readonly url: string }];
    return { process: child, url: message.url, log: () => log };
  }
}

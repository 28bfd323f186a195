/**
 * As much of the runtime of Workers as the SDK of Cloudflare's sandboxes needs: durable objects with a storage and a
 * container. The SDK is all its own, the class that runs in a durable object too; the container is a directory in
 * which commands really run, behind what its own server answers (port 3000) and what was started in it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";
import { Machine } from "../providers/machine.ts";
import { jsonOf, type LocalService, serveLocally } from "./json-service.ts";
import { installVendor, type VendorPackage } from "./vendor-sdk.ts";

/** What a bundler of Workers leaves to the runtime. */
const workers = `
  export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }
  export class WorkerEntrypoint extends DurableObject {}
  export class RpcTarget {}
  export class RpcStub {}
  export const env = {};
  export const tracing = { enterSpan: (name, work) => work({ setAttribute() {} }) };
`;

interface DurableObject {
  readonly [method: string]: unknown;
}

export interface WorkersModule {
  readonly Sandbox: new (state: object, env: object) => DurableObject;
}

/** The SDK as a Worker has it: bundled, since it is published for bundlers alone. */
export async function bundledForWorkers<Module>(wanted: VendorPackage): Promise<Module & WorkersModule> {
  const home = installVendor(wanted);
  const file = join(home, "worker.mjs");
  const input = join(home, "input.mjs");
  if (!existsSync(file)) {
    await build({
      input: join(home, "node_modules", wanted.name, "dist", "index.js"),
      platform: "node",
      logLevel: "warn",
      plugins: [
        {
          name: "workers",
          resolveId: (id) => (id === "cloudflare:workers" ? input : null),
          load: (id) => (id === input ? workers : null),
        },
      ],
      // The runtime's name for a transform that changes nothing.
      output: { file, format: "esm", banner: "const IdentityTransformStream = TransformStream;" },
    });
  }
  return (await import(pathToFileURL(file).href)) as Module & WorkersModule;
}

/** The binding of a class to durable objects, each of which has a container. */
export class SandboxNamespace {
  readonly #sdk: WorkersModule;
  readonly #objects = new Map<string, DurableObject>();
  readonly #containers: Container[] = [];

  constructor(sdk: WorkersModule) {
    this.#sdk = sdk;
  }

  idFromName(name: string) {
    return { name, toString: () => name, equals: (other: object) => String(other) === name };
  }

  getByName(name: string): DurableObject {
    return this.get(this.idFromName(name));
  }

  get(id: { readonly name: string }): DurableObject {
    const known = this.#objects.get(id.name);
    if (known !== undefined) return known;
    const container = new Container();
    this.#containers.push(container);
    const made = new this.#sdk.Sandbox(stateOf(id, container), {});
    this.#objects.set(id.name, made);
    return made;
  }

  get running(): number {
    return this.#containers.filter((each) => each.running).length;
  }

  async close(): Promise<void> {
    for (const container of this.#containers) await container.destroy();
  }
}

/** The container of one durable object (`ctx.container`). */
class Container {
  running = false;
  #machine: Promise<Machine> | undefined;
  #control: Promise<LocalService> | undefined;
  #ended = Promise.withResolvers<void>();

  start(): void {
    this.running = true;
    this.#ended = Promise.withResolvers<void>();
    this.#machine = Machine.make();
    this.#control = this.#machine.then(controlOf);
  }

  monitor(): Promise<void> {
    return this.#ended.promise;
  }

  signal(): void {
    void this.destroy();
  }

  async destroy(): Promise<void> {
    const [machine, control] = [await this.#machine, await this.#control];
    this.#machine = undefined;
    this.#control = undefined;
    this.running = false;
    await control?.close();
    await machine?.remove();
    this.#ended.resolve();
  }

  getTcpPort(port: number) {
    return {
      fetch: async (input: string | Request, init?: Request): Promise<Response> => {
        const asked = new Request(input, init);
        const { pathname, search } = new URL(asked.url);
        const base = port === controlPort ? (await this.#control)?.url : (await this.#machine)?.url;
        if (base === undefined) throw new Error("the container is not running");
        const hasBody = asked.body !== null;
        const answer = await fetch(`${base}${pathname}${search}`, {
          method: asked.method,
          headers: asked.headers,
          ...(hasBody ? { body: asked.body, duplex: "half" } : {}),
        });
        // An answer of Workers says that it opened none.
        return Object.assign(answer, { webSocket: null });
      },
    };
  }
}

const controlPort = 3_000;

/** What the server of Cloudflare's own image answers, as far as a command needs it. */
async function controlOf(machine: Machine): Promise<LocalService> {
  return await serveLocally((request, response) => {
    const send = (value: object) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    const answer = async () => {
      const body = (await jsonOf(request)) as { command?: string; id?: string } | undefined;
      const timestamp = new Date().toISOString();
      if (request.url === "/api/execute") {
        const command = body?.command ?? "";
        const done = await machine.run(command);
        return send({ ...done, success: done.exitCode === 0, command, timestamp });
      }
      if (request.url === "/api/version") return send({ success: true, version: "0.12.10", timestamp });
      return send({ success: true, id: body?.id ?? "", message: "pong", timestamp });
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
}

/** The state of a durable object: no two of its events run at once in life, which nothing here relies on. */
function stateOf(id: object, container: Container): object {
  const kept = new Map<string, unknown>();
  const storage = {
    get: async (key: string) => kept.get(key),
    put: async (key: string, value: unknown) => void kept.set(key, value),
    delete: async (key: string) => kept.delete(key),
    deleteAll: async () => kept.clear(),
    list: async () => new Map(kept),
    kv: {
      get: (key: string) => kept.get(`kv ${key}`),
      put: (key: string, value: unknown) => void kept.set(`kv ${key}`, value),
      delete: (key: string) => kept.delete(`kv ${key}`),
    },
    sql: { exec: () => ({ toArray: () => [], [Symbol.iterator]: () => [][Symbol.iterator]() }) },
    transaction: async (work: (storage: object) => unknown): Promise<unknown> => await work(storage),
    transactionSync: (work: () => unknown): unknown => work(),
    setAlarm: async () => {},
    getAlarm: async () => null,
    deleteAlarm: async () => {},
    sync: async () => {},
  };
  return {
    ...{ id, storage, container, props: {} },
    blockConcurrencyWhile: async (work: () => Promise<unknown>) => await work(),
    waitUntil: () => {},
    abort: () => {},
    exports: { ContainerProxy: () => ({}) },
  };
}

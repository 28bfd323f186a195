/** Cloudflare's runtime on this machine: Workers with Durable Objects. */
import { Miniflare } from "miniflare";
import { rolldown } from "rolldown";

/** A Worker whose actors live in the objects of one class. */
export interface TestWorker {
  readonly url: string;
  /**
   * Drops the memory of an object once it is idle, as the platform does while it hibernates: its sockets stay open.
   */
  evict(objectId: string): Promise<void>;
  /** Kills the runtime. */
  dispose(): Promise<void>;
}

/** The settings of a Worker, as in `wrangler.jsonc`. */
export interface WorkerSettings {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** The binding of the class of objects, and the name of the class. */
  readonly binding: string;
  readonly className: string;
}

const defaults: WorkerSettings = {
  compatibilityDate: "2026-07-01",
  compatibilityFlags: ["nodejs_compat"],
  binding: "ACTORS",
  className: "HoldfastActor",
};

export interface WorkerOptions {
  /** Where the objects are stored, for a Worker that is started again; in memory by default. */
  readonly directory?: string;
  readonly settings?: WorkerSettings;
  /** Modules in place of others. */
  readonly alias?: Readonly<Record<string, string>>;
}

/** Bundles the module of a Worker and starts it. */
export async function startWorker(module: string, options: WorkerOptions = {}): Promise<TestWorker> {
  const { settings = defaults, alias = {}, directory } = options;
  const { binding, className, compatibilityDate, compatibilityFlags } = settings;
  const name = "worker";
  const miniflare = new Miniflare({
    name,
    // Given as a list: Miniflare would look for the modules of a script itself, and refuse some that the runtime takes.
    modules: [{ type: "ESModule", path: "worker.mjs", contents: await bundle(module, alias) }],
    compatibilityDate,
    compatibilityFlags: [...compatibilityFlags],
    ...(directory === undefined ? {} : { durableObjectsPersist: directory }),
    durableObjects: { [binding]: { className, useSQLite: true } },
  });
  const url = await miniflare.ready;
  return {
    url: url.href.replace(/\/$/, ""),
    evict: (id) => miniflare.unsafeEvictDurableObject(name, className, { id, webSockets: "hibernate" }),
    dispose: () => miniflare.dispose(),
  };
}

/** As wrangler does: what belongs to Node is left to the runtime. */
async function bundle(input: string, alias: Readonly<Record<string, string>>): Promise<string> {
  const build = await rolldown({
    input,
    platform: "neutral",
    external: (specifier) => specifier.startsWith("node:") && alias[specifier] === undefined,
    resolve: {
      alias,
      conditionNames: ["workerd", "worker", "browser", "import"],
      mainFields: ["module", "main"],
    },
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}

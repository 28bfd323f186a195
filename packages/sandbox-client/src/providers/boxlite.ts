import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  once,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorError,
  vendorModule,
} from "./remote.ts";

interface Lines {
  /** Null at the end. */
  next(): Promise<string | null>;
}

/** As much of `@boxlite-ai/boxlite` as is used. */
export interface BoxliteBox {
  readonly id: string;
  readonly network: { tunnel(port: number): Promise<{ uri(): string | null }> };
  info(): Promise<{
    readonly state: { readonly running: boolean };
    readonly network: {
      readonly publishedPorts: readonly { readonly guestPort: number; readonly hostPort: number }[] | null;
    } | null;
  }>;
  exec(
    command: string,
    args: string[],
    env: null,
    tty: false,
    user: null,
    timeoutSeconds: number,
  ): Promise<{ stdout(): Promise<Lines>; stderr(): Promise<Lines>; wait(): Promise<{ exitCode: number }> }>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface BoxliteRuntime {
  create(options: object): Promise<BoxliteBox>;
  get(id: string): Promise<BoxliteBox | null>;
  remove(id: string, force: boolean): Promise<void>;
}

export interface BoxliteCredential {
  getToken(): { token: string; expiresAt?: number | null };
}

export interface BoxliteRest {
  readonly url: string;
}

export interface BoxliteModule {
  readonly JsBoxlite: {
    withDefaultConfig(): BoxliteRuntime;
    rest(options: BoxliteRest): BoxliteRuntime;
  };
  readonly BoxliteRestOptions: new (options: {
    url: string;
    pathPrefix?: string;
    credential?: BoxliteCredential;
  }) => BoxliteRest;
  readonly ApiKeyCredential: new (key: string) => BoxliteCredential;
}

export interface BoxliteProviderOptions extends RemoteServerOptions {
  /** An image with Node; "node:24-slim" by default. */
  image?: string;
  /** Further options of a box: `cpus`, `memoryMib`, `env`, `volumes`. */
  create?: Lazy<Record<string, unknown>>;
  /** Port of this machine that is forwarded to the server; a free one by default. Not with `remote`. */
  hostPort?: number;
  /** A server of BoxLite elsewhere; without it the boxes are virtual machines of this machine, which needs KVM. */
  remote?: { url: string; apiKey?: string; pathPrefix?: string };
  sdk?: BoxliteModule;
}

const commandTimeoutSeconds = 600;

/**
 * BoxLite: small virtual machines, here or at a server of BoxLite. Tried with its SDK against an emulator of that
 * server, not against the real one, and not with virtual machines of this machine.
 */
export function boxlite(options: BoxliteProviderOptions = {}): SandboxProvider {
  const port = options.agentPort ?? 3_000;
  const runtime = once(async () =>
    runtimeOf(await vendorModule(options.sdk, "@boxlite-ai/boxlite"), options),
  );
  const find = async (id: string): Promise<BoxliteBox> => {
    const looking = runtime().then(async (made) => {
      const box = await made.get(id);
      if (box === null) throw new Error(`box ${id} not found`);
      return box;
    });
    return await found("boxlite", id, looking);
  };
  const machine = (box: BoxliteBox): RemoteMachine => ({
    id: box.id,
    url: async (wanted) =>
      await (options.remote === undefined ? published(box, wanted) : tunnel(box, wanted)),
    run: (script) => run(box, script),
  });
  return remoteProvider(
    {
      name: "boxlite",
      defaultCwd: "/root",
      async make() {
        const { remote, hostPort } = options;
        const published = hostPort === undefined ? { guestPort: port } : { guestPort: port, hostPort };
        const reached = remote === undefined ? { ports: [published] } : { network: open };
        // Its creator stops it; it does not stop when idle.
        const kept = { autoRemove: false, detach: true, autoStop: 0 };
        const given = await settled(options.create);
        const image = options.image ?? "node:24-slim";
        return machine(await (await runtime()).create({ image, ...kept, ...reached, ...given }));
      },
      async find(id) {
        const box = await find(id);
        const { state } = await box.info();
        if (!state.running) await box.start();
        return machine(box);
      },
      destroy: async (id) => await gone(runtime().then((made) => made.remove(id, true))),
      pause: async (id) => await (await find(id)).stop(),
    },
    options,
  );
}

/** Both ways: the server asks models, and is asked. */
const open = { outbound: { mode: "enabled" }, inbound: { mode: "enabled" } };

function runtimeOf(sdk: BoxliteModule, { remote }: BoxliteProviderOptions): BoxliteRuntime {
  if (remote === undefined) return sdk.JsBoxlite.withDefaultConfig();
  const { url, apiKey, pathPrefix } = remote;
  return sdk.JsBoxlite.rest(
    new sdk.BoxliteRestOptions({
      url,
      ...(pathPrefix === undefined ? {} : { pathPrefix }),
      ...(apiKey === undefined ? {} : { credential: new sdk.ApiKeyCredential(apiKey) }),
    }),
  );
}

async function published(box: BoxliteBox, port: number): Promise<string> {
  const { network } = await box.info();
  const place = network?.publishedPorts?.find(({ guestPort }) => guestPort === port);
  if (place !== undefined) return `http://127.0.0.1:${place.hostPort}`;
  throw vendorError(`Box ${box.id} publishes no port ${port}`);
}

async function tunnel(box: BoxliteBox, port: number): Promise<string> {
  const uri = (await box.network.tunnel(port)).uri();
  if (uri !== null) return uri.replace(/\/+$/, "");
  throw vendorError(`Box ${box.id} has no public address for port ${port}`);
}

async function run(box: BoxliteBox, script: string): Promise<{ exitCode: number; output: string }> {
  const running = await box.exec("sh", ["-c", script], null, false, null, commandTimeoutSeconds);
  const [stdout, stderr] = await Promise.all([running.stdout().then(textOf), running.stderr().then(textOf)]);
  const { exitCode } = await running.wait();
  return { exitCode, output: stdout + stderr };
}

async function textOf(lines: Lines): Promise<string> {
  const parts: string[] = [];
  for (let part = await lines.next(); part !== null; part = await lines.next()) parts.push(part);
  return parts.join("");
}

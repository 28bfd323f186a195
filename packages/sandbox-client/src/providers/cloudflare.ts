import { systemRandom, uuidv4 } from "@holdfast/core";
import { SandboxDestroyedError } from "../sdk/errors.ts";
import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
} from "./remote.ts";

/** A container of Cloudflare whose image starts the server itself. */
export interface CloudflareSandbox {
  close?(): Promise<void>;
  stop?(): Promise<void>;
  containerFetch(input: string | URL | Request, init?: RequestInit, port?: number): Promise<Response>;
}

export interface CloudflareSandboxClient {
  create?(options?: Record<string, unknown>): Promise<{ id?: string; sandboxId?: string }>;
  connect?(sandboxId: string, options?: Record<string, unknown>): Promise<CloudflareSandbox>;
}

/** As much of `@cloudflare/sandbox` as is used. */
export interface CloudflareModule {
  getSandbox(binding: never, id: string, options: { keepAlive: boolean }): CloudflareSdkSandbox;
}

export interface CloudflareSdkSandbox {
  exec(
    command: string,
    options?: { timeout?: number },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
  containerFetch(url: string, init: RequestInit, port: number): Promise<Response>;
  destroy(): Promise<void>;
}

export interface CloudflareSdkOptions extends RemoteServerOptions {
  sdk: CloudflareModule;
  /** The Worker's binding of the class `Sandbox`: `env.Sandbox`. */
  binding: unknown;
}

export interface CloudflareImageOptions {
  sdk: CloudflareSandboxClient;
  create?: Lazy<Record<string, unknown>>;
  /** Port of the server in the container; 3000 by default. */
  agentPort?: number;
  /** The token that the image's server was given. */
  token?: string;
}

export type CloudflareProviderOptions = CloudflareSdkOptions | CloudflareImageOptions;

/**
 * Cloudflare, from within a Worker: with `@cloudflare/sandbox` and its `binding` the server is installed and started in
 * a sandbox of that SDK; with a client of one's own the image starts it. Requests go by the Worker's binding, so
 * WebSockets do not. Tried with that SDK in an emulated runtime of Workers, not against the real service.
 */
export function cloudflare(options: CloudflareProviderOptions): SandboxProvider {
  return "binding" in options ? withSdk(options) : ofImage(options);
}

/** The SDK's own server in each container has port 3000. */
const sdkPort = 8_000;
const commandTimeoutMs = 600_000;

function withSdk({ sdk, binding, ...options }: CloudflareSdkOptions): SandboxProvider {
  const port = options.agentPort ?? sdkPort;
  // The type of the binding comes from the Workers runtime. The sandbox never sleeps, since it would lose its files.
  const get = (id: string) => sdk.getSandbox(binding as never, id, { keepAlive: true });
  const machine = (id: string): RemoteMachine => ({
    id,
    url: async () => "http://localhost",
    async run(script) {
      const { exitCode, stdout, stderr } = await get(id).exec(script, { timeout: commandTimeoutMs });
      return { exitCode, output: stdout + stderr };
    },
  });
  const { getUrl: _bindingOnly, ...provider } = remoteProvider(
    {
      name: "cloudflare",
      defaultCwd: "/workspace",
      make: async () => machine(uuidv4(systemRandom)),
      async find(id) {
        // Any id is accepted: an empty sandbox is created if none exists.
        const found = machine(id);
        const { exitCode } = await found.run('test -s "$HOME/.holdfast/sandbox-token"');
        if (exitCode === 0) return found;
        await get(id).destroy();
        throw new SandboxDestroyedError(id, "cloudflare");
      },
      destroy: (id) => get(id).destroy(),
    },
    { ...options, agentPort: port },
  );
  return {
    ...provider,
    getFetch: async (id) => async (input, init) => {
      const { pathname, search } = new URL(input instanceof Request ? input.url : input);
      const local = `http://localhost:${port}${pathname}${search}`;
      return await abortable(init, (rest) => get(id).containerFetch(local, rest, port));
    },
  };
}

function ofImage(options: CloudflareImageOptions): SandboxProvider {
  const { sdk, token } = options;
  const connect = async (id: string): Promise<CloudflareSandbox> => {
    const sandbox = sdk.connect && (await found("cloudflare", id, sdk.connect(id)));
    if (sandbox === undefined) throw new SandboxDestroyedError(id, "cloudflare");
    return sandbox;
  };
  return {
    name: "cloudflare",
    defaultCwd: "/root",
    async create() {
      const made = await sdk.create?.(await settled(options.create));
      const id = made?.sandboxId ?? made?.id;
      if (id === undefined) throw new SandboxDestroyedError("new", "cloudflare");
      return id;
    },
    destroy: (id) => gone(connect(id).then(async (sandbox) => await (sandbox.stop?.() ?? sandbox.close?.()))),
    reconnect: async (id) => void (await connect(id)),
    getToken: async () => token,
    async getFetch(id) {
      const sandbox = await connect(id);
      const port = options.agentPort ?? 3_000;
      return async (input, init) =>
        await abortable(init, (rest) => sandbox.containerFetch(input, rest, port));
    },
  };
}

/** A binding does not take signals: aborting lets go of the answer here. */
async function abortable(
  { signal, ...rest }: RequestInit = {},
  ask: (init: RequestInit) => Promise<Response>,
): Promise<Response> {
  signal?.throwIfAborted();
  const answer = ask(rest);
  return signal ? withSignal(await untilAborted(answer, signal), signal) : await answer;
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Returns the answer with a body that ends when the signal aborts; otherwise a stream would continue. */
function withSignal({ body, status, statusText, headers }: Response, signal: AbortSignal): Response {
  const ends = body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
  return new Response(ends ?? null, { status, statusText, headers });
}

import { SandboxDestroyedError } from "../sdk/errors.ts";
import type { SandboxProvider } from "./provider.ts";
import { found, gone, type Lazy, settled } from "./remote.ts";

/** A container of Cloudflare, as a Worker's binding gives it. */
export interface CloudflareSandbox {
  close?(): Promise<void>;
  stop?(): Promise<void>;
  containerFetch(input: string | URL | Request, init?: RequestInit, port?: number): Promise<Response>;
}

export interface CloudflareSandboxClient {
  create?(options?: Record<string, unknown>): Promise<{ id?: string; sandboxId?: string }>;
  connect?(sandboxId: string, options?: Record<string, unknown>): Promise<CloudflareSandbox>;
}

export interface CloudflareProviderOptions {
  sdk: CloudflareSandboxClient;
  create?: Lazy<Record<string, unknown>>;
  /** Port of the server in the container; 3000 by default. */
  agentPort?: number;
  /** The token that the image's server was given. */
  token?: string;
}

/**
 * Cloudflare containers whose image starts a sandbox server itself. Requests go by the Worker's own
 * binding, so WebSockets do not. Not tried against the real service.
 */
export function cloudflare(options: CloudflareProviderOptions): SandboxProvider {
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
      return async (input, init) => {
        // A binding does not take signals: aborting lets go of the answer here.
        const { signal, ...rest } = init ?? {};
        signal?.throwIfAborted();
        const answer = sandbox.containerFetch(input, rest, options.agentPort ?? 3_000);
        if (!signal) return await answer;
        const aborted = new Promise<never>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
        return await Promise.race([answer, aborted]);
      };
    },
  };
}

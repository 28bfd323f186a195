import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  missingSdk,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorModule,
} from "./remote.ts";

/** As much of `modal` as is used. */
export interface ModalSandbox {
  readonly sandboxId: string;
  exec(command: string[]): Promise<{
    readonly stdout: { readText(): Promise<string> };
    readonly stderr: { readText(): Promise<string> };
    wait(): Promise<number>;
  }>;
  tunnels(): Promise<Record<number, { readonly url: string }>>;
  /** Exit code of an ended sandbox. */
  poll(): Promise<number | null>;
  terminate(options: { wait: true }): Promise<unknown>;
}

export interface ModalClient {
  readonly apps: { fromName(name: string, options: { createIfMissing: boolean }): Promise<unknown> };
  readonly images: { fromRegistry(tag: string): unknown };
  readonly secrets: { fromObject(entries: Record<string, string>): Promise<unknown> };
  readonly sandboxes: {
    create(app: unknown, image: unknown, options: object): Promise<ModalSandbox>;
    fromId(id: string): Promise<ModalSandbox>;
  };
}

export interface ModalModule {
  readonly ModalClient: new (options?: object) => ModalClient;
}

export type ModalCreateOptions = Record<string, unknown> & {
  appName?: string;
  encryptedPorts?: number[];
  secrets?: Record<string, string> | readonly unknown[];
};

export interface ModalProviderOptions extends RemoteServerOptions {
  /** `secrets` are variables of the sandbox, or secrets of the SDK. */
  create?: Lazy<ModalCreateOptions>;
  /** Options of the SDK's client: `tokenId`, `tokenSecret`, `environment`. By default it finds them by itself. */
  client?: Record<string, unknown>;
  /** An image of a registry with Node; "node:24-slim" by default. */
  image?: string;
  /** Lifetime in milliseconds, after which nothing is left of a sandbox; an hour by default. */
  timeoutMs?: number;
  sdk?: ModalModule;
}

const defaultTimeoutMs = 3_600_000;

function isList(secrets: Record<string, string> | readonly unknown[]): secrets is readonly unknown[] {
  return Array.isArray(secrets);
}

/**
 * Modal, by the SDK of Modal Labs: `modal` 0.x at npm, where `modal` 1.x is somebody else's. Tried with the SDK 0.11.1
 * against a local emulator of its gRPC API, not against the real service.
 */
export function modal(options: ModalProviderOptions = {}): SandboxProvider {
  let client: ModalClient | undefined;
  // A client keeps a connection, which it has no way to close.
  const sdk = async () => {
    const { ModalClient } = await vendorModule(options.sdk, "modal", "modal@0");
    if (ModalClient === undefined) throw missingSdk("modal", "modal@0");
    client ??= new ModalClient(options.client);
    return client;
  };
  const find = async (id: string) => {
    const looking = (await sdk()).sandboxes.fromId(id).then(async (sandbox) => {
      // The SDK accepts any id, and the service still knows ended sandboxes.
      if ((await sandbox.poll()) !== null) throw new Error(`sandbox ${id} does not exist any more`);
      return sandbox;
    });
    return await found("modal", id, looking);
  };
  const machine = (sandbox: ModalSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    async url(port) {
      const tunnel = (await sandbox.tunnels())[port];
      if (tunnel === undefined) throw new Error(`sandbox ${sandbox.sandboxId} has no tunnel to port ${port}`);
      return tunnel.url;
    },
    async run(script) {
      const running = await sandbox.exec(["sh", "-c", script]);
      const [stdout, stderr] = await Promise.all([running.stdout.readText(), running.stderr.readText()]);
      return { exitCode: await running.wait(), output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "modal",
      defaultCwd: "/root",
      async make() {
        const given = (await settled(options.create)) ?? {};
        const { appName = "holdfast-sandbox", encryptedPorts = [], secrets = [], ...create } = given;
        const client = await sdk();
        const app = await client.apps.fromName(appName, { createIfMissing: true });
        const image = client.images.fromRegistry(options.image ?? "node:24-slim");
        const usual = { memoryMiB: 2_048, timeoutMs: options.timeoutMs ?? defaultTimeoutMs };
        const ports = [...new Set([options.agentPort ?? 3_000, ...encryptedPorts])];
        const secret = isList(secrets) ? secrets : [await client.secrets.fromObject(secrets)];
        const wanted = { ...usual, ...create, secrets: secret, encryptedPorts: ports };
        return machine(await client.sandboxes.create(app, image, wanted));
      },
      find: async (id) => machine(await find(id)),
      destroy: async (id) => await gone(find(id).then((sandbox) => sandbox.terminate({ wait: true }))),
    },
    options,
  );
}

import { HoldfastError, systemRandom, uuidv4, version } from "@holdfast/core";
import { destroyAfter } from "./left-over.ts";
import type { SandboxProvider } from "./provider.ts";
import { found, gone, type Lazy, once, quoted, settled, vendorError, vendorModule } from "./remote.ts";

/** As much of `@fly/sprites` as is used. */
export interface Sprite {
  readonly url?: string | undefined;
  getService(name: string): Promise<{ readonly state?: { readonly status: string } | undefined }>;
  createService(
    name: string,
    service: { cmd: string; args: string[]; env: Record<string, string>; httpPort: number },
    duration: string,
  ): Promise<SpriteServiceLog>;
}

/** Event of a starting service. */
export interface SpriteServiceLog extends AsyncIterable<SpriteServiceEvent> {
  close(): void;
}

export interface SpriteServiceEvent {
  readonly type: string;
  readonly data?: string;
  readonly exitCode?: number;
}

export interface SpritesModule {
  readonly SpritesClient: new (
    token: string,
    options?: Record<string, unknown>,
  ) => {
    createSprite(name: string, options: Record<string, unknown>): Promise<Sprite>;
    getSprite(name: string): Promise<Sprite>;
    deleteSprite(name: string): Promise<void>;
  };
}

export interface SpritesProviderOptions {
  /** Key of the account; `SPRITES_API_KEY`, `SPRITE_TOKEN` or `SPRITES_TOKEN` by default. */
  token?: string | (() => string | Promise<string>);
  /** Options of the SDK's client: `baseURL`, `timeout`. */
  client?: Lazy<Record<string, unknown>>;
  create?: Lazy<{ name?: string; config?: Record<string, unknown> }>;
  /** Of the server. */
  env?: Lazy<Record<string, string>>;
  /** Agents that are installed before the server starts; none by default. */
  installAgents?: readonly string[];
  /** Port of the server on the sprite; 8080 by default, which is what its address leads to. */
  agentPort?: number;
  serviceName?: string;
  /** How long a service may take to start, as Sprites writes times; "10m" by default. */
  serviceStartDuration?: string;
  namePrefix?: string;
  sdk?: SpritesModule;
}

/**
 * Sprites. Its proxy admits only holders of the account's key, so the server behind it has no token. The key must
 * never be inside. Tested with its SDK against an emulator, not against the real service.
 */
export function sprites(options: SpritesProviderOptions = {}): SandboxProvider {
  const port = options.agentPort ?? 8_080;
  const service = options.serviceName ?? "holdfast-sandbox";
  const key = async (): Promise<string> => {
    const given = typeof options.token === "function" ? await options.token() : options.token;
    const env: Record<string, string | undefined> = globalThis.process?.env ?? {};
    const token = given ?? env["SPRITES_API_KEY"] ?? env["SPRITE_TOKEN"] ?? env["SPRITES_TOKEN"];
    if (token !== undefined) return token;
    throw new HoldfastError("sandbox", "no_vendor_key", "Sprites needs a key: set token or SPRITES_API_KEY", {
      statusCode: 500,
    });
  };
  const sdk = once(() => vendorModule(options.sdk, "@fly/sprites"));
  // Made for each call: a key that is given by a function may be another one by then.
  const client = async () => new (await sdk()).SpritesClient(await key(), await settled(options.client));
  const find = async (id: string) => await found("sprites", id, (await client()).getSprite(id));
  const addressOf = async (id: string): Promise<string> => {
    const { url } = await find(id);
    if (url !== undefined) return url;
    throw vendorError(`Sprite ${id} has no address`);
  };
  const serve = async (id: string): Promise<void> => {
    const sprite = await find(id);
    const running = await sprite.getService(service).catch(() => undefined);
    if (running?.state?.status === "running" || running?.state?.status === "starting") return;
    // The proxy hands on what requests name, and the server answers to no other names.
    const { hostname } = new URL(await addressOf(id));
    const sandbox = `npx -y -p holdfast@${version} -p @holdfast/sandbox@${version} holdfast sandbox`;
    const line = [
      // One that is installed already takes no time.
      ...(options.installAgents ?? []).map((agent) => `${sandbox} install-agent ${quoted(agent)}`),
      `exec ${sandbox} server --no-token --host 127.0.0.1 --port ${port} --allow-host ${quoted(hostname)}`,
    ].join(" && ");
    const env = { ...(await settled(options.env)) };
    const command = { cmd: "bash", args: ["-lc", line], env, httpPort: port };
    await started(await sprite.createService(service, command, options.serviceStartDuration ?? "10m"));
  };
  const destroy = async (id: string) => await gone(client().then((made) => made.deleteSprite(id)));
  return {
    name: "sprites",
    defaultCwd: "/home/sprite",
    async create() {
      const given = (await settled(options.create)) ?? {};
      const { name = `${options.namePrefix ?? "holdfast-"}${uuidv4(systemRandom)}`, config } = given;
      await (await client()).createSprite(name, config === undefined ? {} : { config });
      try {
        await serve(name);
        return name;
      } catch (error) {
        await destroyAfter(error, `sprites/${name}`, () => destroy(name));
        throw error;
      }
    },
    destroy,
    reconnect: async (id) => void (await find(id)),
    ensureServer: serve,
    getToken: key,
    getUrl: addressOf,
  };
}

/** Resolves when a service has started; rejects with the end of its output if it exits instead. */
async function started(log: SpriteServiceLog): Promise<void> {
  let said = "";
  try {
    for await (const { type, data = "", exitCode } of log) {
      if (type === "started") return;
      if (type === "stdout" || type === "stderr") said = `${said}${data}`.slice(-2_000);
      if (type === "error")
        throw vendorError(`The server did not start on the sprite: ${data || said.trim()}`);
      if (type === "exit") {
        throw vendorError(`The server ended on the sprite with ${exitCode ?? "a signal"}: ${said.trim()}`);
      }
    }
  } finally {
    log.close();
  }
}

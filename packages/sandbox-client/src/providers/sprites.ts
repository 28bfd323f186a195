import { HoldfastError, systemRandom, uuidv4 } from "@holdfast/core";
import { isRecord } from "../internal/http.ts";
import { SandboxDestroyedError } from "../sdk/errors.ts";
import type { SandboxProvider } from "./provider.ts";
import { quoted } from "./remote.ts";

export interface SpritesProviderOptions {
  /** Key of the account; `SPRITES_API_KEY`, `SPRITE_TOKEN` or `SPRITES_TOKEN` by default. */
  token?: string | (() => string | Promise<string>);
  /** The vendor's API. */
  client?: { baseUrl?: string; fetch?: typeof globalThis.fetch };
  create?: { name?: string; config?: Record<string, unknown> };
  env?: Record<string, string>;
  /** Port of the server on the sprite; 8080 by default, which is what its address leads to. */
  agentPort?: number;
  serviceName?: string;
  namePrefix?: string;
}

/**
 * Sprites, by its HTTP API. Its proxy lets in who has the account's key, and only those, so the server
 * behind it takes no token: the key must never be inside. Not tried against the real service.
 */
export function sprites(options: SpritesProviderOptions = {}): SandboxProvider {
  const base = (options.client?.baseUrl ?? "https://api.sprites.dev").replace(/\/+$/, "");
  const port = options.agentPort ?? 8_080;
  const key = async (): Promise<string> => {
    const given = typeof options.token === "function" ? await options.token() : options.token;
    const env: Record<string, string | undefined> = globalThis.process?.env ?? {};
    const found = given ?? env["SPRITES_API_KEY"] ?? env["SPRITE_TOKEN"] ?? env["SPRITES_TOKEN"];
    if (found !== undefined) return found;
    throw new HoldfastError("sandbox", "no_vendor_key", "Sprites needs a key: set token or SPRITES_API_KEY", {
      statusCode: 500,
    });
  };
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const send = options.client?.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const response = await send(`${base}/v1/sprites${path}`, {
      method,
      headers: { authorization: `Bearer ${await key()}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status === 404) throw new SandboxDestroyedError(path.split("/")[1] ?? "", "sprites");
    if (response.ok) return text === "" || !text.trimStart().startsWith("{") ? undefined : JSON.parse(text);
    const message = `Sprites answered ${response.status} to ${method} ${path}: ${text.slice(0, 500)}`;
    throw new HoldfastError("sandbox", "vendor_error", message, { statusCode: 502 });
  };
  const find = (id: string) => call("GET", `/${encodeURIComponent(id)}`);
  const addressOf = async (id: string): Promise<string | undefined> => {
    const found = await find(id);
    return isRecord(found) && typeof found.url === "string" ? found.url : undefined;
  };
  const serve = async (id: string) => {
    const address = await addressOf(id);
    // The proxy hands on what requests name, and the server answers to no other names.
    const names = address === undefined ? "" : ` --allow-host ${quoted(new URL(address).hostname)}`;
    const exports = Object.entries(options.env ?? {}).map(
      ([name, value]) => `export ${name}=${quoted(value)};`,
    );
    const server = `exec npx -y holdfast@0.1.0 sandbox server --no-token --host 127.0.0.1 --port ${port}${names}`;
    const service = encodeURIComponent(options.serviceName ?? "holdfast-sandbox");
    const command = { cmd: "bash", args: ["-lc", [...exports, server].join(" ")], http_port: port };
    await call("PUT", `/${encodeURIComponent(id)}/services/${service}`, command);
  };
  const destroy = async (id: string) => {
    try {
      await call("DELETE", `/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof SandboxDestroyedError)) throw error;
    }
  };
  return {
    name: "sprites",
    defaultCwd: "/home/sprite",
    async create() {
      const prefix = options.namePrefix ?? "holdfast-";
      const name = options.create?.name ?? `${prefix}${uuidv4(systemRandom)}`;
      await call("POST", "", { name, ...options.create?.config });
      try {
        await serve(name);
        return name;
      } catch (error) {
        await destroy(name);
        throw error;
      }
    },
    destroy,
    reconnect: async (id) => void (await find(id)),
    ensureServer: serve,
    getToken: key,
    async getUrl(id) {
      const address = await addressOf(id);
      if (address !== undefined) return address;
      throw new SandboxDestroyedError(id, "sprites");
    },
  };
}

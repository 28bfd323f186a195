/** Connections to the server: address, pipelining, retries, errors. */
import type { RedisDurability } from "../../types.ts";
import { invalidOptions } from "../errors.ts";

/** What the URL of a store says. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly usesTls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly prefix: string | undefined;
  readonly durability: Exclude<RedisDurability, "unknown"> | undefined;
  /** For people, without a password. */
  readonly name: string;
}

const protocols: Readonly<Record<string, boolean>> = {
  "redis:": false,
  "valkey:": false,
  "rediss:": true,
  "valkeys:": true,
};

/** Throws `store.invalid_options`, without the URL: it may contain a password. */
export function parseAddress(text: string): ServerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usesTls = url && protocols[url.protocol];
  if (url === undefined || usesTls === undefined) {
    throw invalidOptions(
      "The URL of the store is not that of a Redis or Valkey server. Use redis://user:password@host:port/number, or rediss:// for TLS",
    );
  }
  const number = url.pathname.replace(/^\//, "");
  if (!/^\d{0,5}$/.test(number)) {
    throw invalidOptions("The path of the store's URL is the number of a database, such as /0");
  }
  for (const name of url.searchParams.keys()) {
    if (name === "prefix" || name === "durability") continue;
    throw invalidOptions(`The URL of the store has no parameter "${name}": use prefix or durability`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
  const port = url.port === "" ? 6379 : Number(url.port);
  return {
    ...{ host, port, usesTls, database: Number(number) },
    user: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    prefix: url.searchParams.get("prefix") ?? undefined,
    durability: checkDurability(url.searchParams.get("durability") ?? undefined),
    name: `${host}:${port}/${Number(number)}`,
  };
}

function checkDurability(value: string | undefined): ServerAddress["durability"] {
  if (value === undefined || value === "always" || value === "everysec" || value === "none") return value;
  throw invalidOptions(
    `The durability of the store's URL is always, everysec or none, not "${value.slice(0, 40)}"`,
  );
}

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { HoldfastError } from "@holdfast/core";
import { importOptional } from "@holdfast/core/optional-package";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { NatsOptions } from "./nats-options.ts";

/** The optional package `@nats-io/transport-node`. */
export type NatsModule = typeof import("@nats-io/transport-node");

/** Time limit of a connection attempt, in milliseconds. */
const connectTimeoutMs = 3_000;
/** A server that answers no ping is given up after twice this time, in milliseconds. */
const pingMs = 10_000;

const packageName = "@nats-io/transport-node";

/** Loads the package, which is installed only where NATS is used. Throws `cluster.package_missing`. */
export async function loadNats(): Promise<NatsModule> {
  const module = await importOptional(packageName, import.meta.url);
  if (module !== undefined) return module as NatsModule;
  const message = `Wake-ups over NATS need the package ${packageName}, which is not installed here. Install it: npm install ${packageName}`;
  throw new HoldfastError("cluster", "package_missing", message);
}

/** The options of the NATS client. Throws `cluster.invalid_nats_options`. */
export async function natsConnection(options: NatsOptions): Promise<NodeConnectionOptions> {
  const { credentials, tls } = options;
  const urls = parseUrls(options.url);
  const [first] = urls;
  const isEncrypted = tls !== undefined || urls.some(({ protocol }) => protocol === "tls:");
  return {
    servers: urls.map(({ host }) => host),
    ...(first === undefined ? {} : login(first)),
    ...(credentials === undefined ? {} : { authenticator: await fileAuthenticator(credentials) }),
    ...(isEncrypted
      ? {
          tls: {
            ...(tls?.ca === undefined ? {} : { caFile: tls.ca }),
            ...(tls?.cert === undefined ? {} : { certFile: tls.cert }),
            ...(tls?.key === undefined ? {} : { keyFile: tls.key }),
            ...identityCheck(urls),
          },
        }
      : {}),
    timeout: connectTimeoutMs,
    pingInterval: pingMs,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 500,
    ignoreAuthErrorAbort: true,
  };
}

/**
 * The client names no host to TLS where a URL has an IP address, for which Node checks the certificate against
 * "localhost". A server that is reached by its address must have a certificate for one of the addresses.
 */
function identityCheck(urls: readonly URL[]) {
  const addresses = urls.map(({ hostname }) => hostname.replace(/^\[|\]$/g, "")).filter((host) => isIP(host));
  if (addresses.length === 0) return {};
  return {
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const error = checkServerIdentity(host, certificate);
      if (error === undefined || host !== "localhost") return error;
      const errors = addresses.map((address) => checkServerIdentity(address, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
  };
}

async function fileAuthenticator(path: string) {
  const { credsAuthenticator } = await loadNats();
  try {
    return credsAuthenticator(await readFile(path));
  } catch (cause) {
    throw invalid(`The file "${path}" of "cluster.nats.credentials" cannot be read`, cause);
  }
}

/** Never repeats a URL: it may contain a password. */
function parseUrls(given: string | readonly string[]): readonly URL[] {
  const texts = (typeof given === "string" ? given.split(",") : given).map((text) => text.trim());
  const urls = texts.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^(nats|tls):$/.test(url.protocol) || url.hostname === "") {
      throw invalid(
        'A URL of "cluster.nats" or HOLDFAST_NATS is not that of a NATS server. Set it to "nats://user:password@host:4222", or several with commas',
      );
    }
    return url;
  });
  if (urls.length === 0) throw invalid('"cluster.nats" has no URL');
  return urls;
}

/** User and password, or a token, of a URL. */
function login({ username, password }: URL): Pick<NodeConnectionOptions, "user" | "pass" | "token"> {
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  if (user === "") return {};
  return pass === "" ? { token: user } : { user, pass };
}

function invalid(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("cluster", "invalid_nats_options", message, { statusCode: 400, cause });
}

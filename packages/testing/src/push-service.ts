import {
  createECDH,
  createPublicKey,
  type ECDH,
  verify as isSignedBy,
  randomBytes,
  randomUUID,
} from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** The part of http_ece, which has no types, that is used here. */
interface Ece {
  decrypt(
    body: Buffer,
    options: { readonly version: string; readonly privateKey: ECDH; readonly authSecret: string },
  ): Buffer;
}

const { decrypt } = createRequire(import.meta.url)("http_ece") as Ece;

/** What a browser has of its subscription. */
export interface BrowserSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** A message that the service has taken, as its browser decrypts it. */
export interface PushedMessage {
  readonly endpoint: string;
  readonly text: string;
  readonly ttl: number;
  readonly urgency: string | undefined;
  readonly topic: string | undefined;
  /** How the sender says that it can be reached. */
  readonly contact: string;
}

/**
 * Push service with its browsers, on loopback: takes messages by RFC 8030, refuses those that are not signed by the key of
 * the subscription (RFC 8292), and decrypts the rest (RFC 8291).
 */
export interface PushService {
  readonly url: string;
  readonly messages: readonly PushedMessage[];
  /** Number of requests, with those that were refused. */
  readonly requests: number;
  /** Responses that replace the service's own, one request each. */
  readonly faults: ((response: ServerResponse) => void)[];
  /** Subscribes a browser with the public key of a server, in base64url. */
  subscribe(publicKey: string): BrowserSubscription;
  /** Ends a subscription, as a browser does that is uninstalled. */
  end(endpoint: string): void;
  /** Resolves when there are that many messages. */
  waitFor(count: number): Promise<readonly PushedMessage[]>;
  close(): Promise<void>;
}

interface Browser {
  readonly publicKey: string;
  readonly ecdh: ECDH;
  readonly auth: string;
  isSubscribed: boolean;
}

const maxBodyBytes = 4_096;

export async function startPushService(): Promise<PushService> {
  const browsers = new Map<string, Browser>();
  const messages: PushedMessage[] = [];
  const faults: ((response: ServerResponse) => void)[] = [];
  let requests = 0;
  let arrived = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    requests += 1;
    const fault = faults.shift();
    if (fault !== undefined) return fault(response);
    receive(origin(), browsers, request).then(
      (message) => {
        messages.push(message);
        arrived.resolve();
        arrived = Promise.withResolvers();
        response.writeHead(201, { location: `${origin()}/messages/${messages.length}` }).end();
      },
      (error: unknown) => {
        const { status = 500, message = "" } = error as Partial<Refusal>;
        response.writeHead(status, { "content-type": "text/plain" }).end(message);
      },
    );
  });
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: origin(),
    messages,
    faults,
    get requests() {
      return requests;
    },
    subscribe(publicKey) {
      const path = `/push/${randomUUID()}`;
      const ecdh = createECDH("prime256v1");
      const p256dh = ecdh.generateKeys("base64url");
      const auth = randomBytes(16).toString("base64url");
      browsers.set(path, { publicKey, ecdh, auth, isSubscribed: true });
      return { endpoint: `${origin()}${path}`, keys: { p256dh, auth } };
    },
    end(endpoint) {
      const browser = browsers.get(new URL(endpoint).pathname);
      if (browser !== undefined) browser.isSubscribed = false;
    },
    async waitFor(count) {
      while (messages.length < count) await arrived.promise;
      return messages;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Throws {@link Refusal}. */
async function receive(
  origin: string,
  browsers: ReadonlyMap<string, Browser>,
  request: IncomingMessage,
): Promise<PushedMessage> {
  const { url: path = "", headers } = request;
  const browser = browsers.get(path);
  if (request.method !== "POST") throw new Refusal(405, "Use POST");
  if (browser === undefined) throw new Refusal(404, "There is no such subscription");
  if (!browser.isSubscribed) throw new Refusal(410, "The subscription has ended");
  const contact = verifySender(origin, browser.publicKey, headers.authorization ?? "");
  const ttl = Number(headers["ttl"]);
  if (!Number.isSafeInteger(ttl) || ttl < 0) throw new Refusal(400, "The header TTL is missing");
  const topic = headerOf(request, "topic");
  if (topic !== undefined && !/^[\w-]{1,32}$/.test(topic)) throw new Refusal(400, "The topic is invalid");
  if (headers["content-encoding"] !== "aes128gcm") throw new Refusal(415, "Encrypt with aes128gcm");
  const body = await buffer(request);
  if (body.length > maxBodyBytes) throw new Refusal(413, "The message is too long");
  const options = { version: "aes128gcm", privateKey: browser.ecdh, authSecret: browser.auth };
  const text = decrypt(body, options).toString("utf8");
  const urgency = headerOf(request, "urgency");
  return { endpoint: `${origin}${path}`, text, ttl, urgency, topic, contact };
}

/** Returns the contact of the sender. Throws {@link Refusal} unless the subscription's key has signed. */
function verifySender(origin: string, publicKey: string, authorization: string): string {
  const [, token = "", key = ""] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? [];
  if (key === "") throw new Refusal(401, "The authorization is missing");
  if (key !== publicKey) throw new Refusal(403, "The subscription belongs to another key");
  const [head = "", claims = "", signature = ""] = token.split(".");
  const point = Buffer.from(key, "base64url");
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
  const jwk = {
    kty: "EC",
    crv: "P-256",
    ...(x === undefined ? {} : { x }),
    ...(y === undefined ? {} : { y }),
  };
  const verifier = createPublicKey({ key: jwk, format: "jwk" });
  const data = Buffer.from(`${head}.${claims}`);
  const bytes = Buffer.from(signature, "base64url");
  if (!isSignedBy("sha256", data, { key: verifier, dsaEncoding: "ieee-p1363" }, bytes))
    throw new Refusal(403, "The signature is invalid");
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as {
    readonly aud?: unknown;
    readonly exp?: unknown;
    readonly sub?: unknown;
  };
  const lasts = Number(exp) - Date.now() / 1000;
  if (aud !== origin || !(lasts > 0 && lasts <= 24 * 60 * 60 + 60))
    throw new Refusal(403, "The token is invalid");
  if (typeof sub !== "string" || !/^(mailto:.+@.+|https:\/\/.+)/.test(sub))
    throw new Refusal(403, "The token names no contact");
  return sub;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

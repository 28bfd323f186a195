import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { HoldfastError } from "@holdfast/core";

export interface OpenRouterLogin {
  /** Base URL of the API; `https://openrouter.ai/api/v1`, for example. */
  readonly baseUrl: string;
  /** Port for the browser's redirect. OpenRouter allows 3000 for local programs; 0 chooses any port. */
  readonly port: number;
  /** Called with the address to open in a browser. */
  readonly onAddress: (address: string) => void;
  /** Time limit for the user's login, in milliseconds. */
  readonly waitMs: number;
}

const exchangeMs = 15_000;

function failed(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "login_failed", message, { statusCode: 502, cause });
}

/**
 * OAuth with PKCE: the user authorizes this program in a browser, and OpenRouter creates a key for it. The code in the
 * redirect is useless without the verifier, which never leaves this process. Throws `vault.login_failed`.
 */
export async function loginToOpenRouter({
  baseUrl,
  port,
  onAddress,
  waitMs,
}: OpenRouterLogin): Promise<string> {
  const verifier = randomBytes(32).toString("base64url");
  // A random path, so that other local programs cannot submit a code to this login.
  const path = `/${randomBytes(16).toString("base64url")}`;
  const answer = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const code = url.searchParams.get("code");
    const text = { "content-type": "text/plain; charset=utf-8", connection: "close" };
    if (request.method !== "GET" || url.pathname !== path) {
      response.writeHead(404, text).end("Not found.\n");
      return;
    }
    if (code === null || code === "")
      answer.reject(failed("OpenRouter returned no code, because the login was not authorized"));
    else answer.resolve(code);
    response.writeHead(200, text).end("You can close this page and go back to the terminal.\n");
  });
  answer.promise.catch(() => {});
  try {
    await listen(server, port);
    const own = (server.address() as AddressInfo).port;
    const address = new URL("/auth", baseUrl);
    address.search = new URLSearchParams({
      callback_url: `http://localhost:${own}${path}`,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    }).toString();
    onAddress(address.href);
    const timer = setTimeout(() => answer.reject(failed("The login timed out")), waitMs);
    try {
      return await exchange(baseUrl, await answer.promise, verifier);
    } finally {
      clearTimeout(timer);
    }
  } finally {
    server.close();
    // Browsers open speculative connections and keep them for minutes, so close them all.
    server.closeAllConnections();
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw failed(
      `Port ${port} cannot be used for the login. Stop the program that uses it, or choose another one with --port.`,
      error,
    );
  }
}

async function exchange(baseUrl: string, code: string, verifier: string): Promise<string> {
  let body: unknown;
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, "")}/auth/keys`, {
      method: "POST",
      redirect: "error",
      signal: AbortSignal.timeout(exchangeMs),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code, code_verifier: verifier, code_challenge_method: "S256" }),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it responded with status ${response.status}`);
    }
    body = await response.json();
  } catch (error) {
    throw failed(
      `OpenRouter returned no key: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  const key: unknown = Reflect.get(Object(body), "key");
  if (typeof key !== "string" || key === "") throw failed("OpenRouter returned no key");
  return key;
}

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";
import type { RouteCall } from "../../http/routes.ts";
import type { Body } from "../requests.ts";
import { type Auth, authOrigin, authPath, peerHeader } from "./auth.ts";

/** A request to better-auth whose path is not that of the call. */
export interface AuthQuestion {
  readonly method: "GET";
  /** Below better-auth's own path, with its query. */
  readonly path: string;
}

/** Passes a request on to better-auth, with the address of the client. */
export function askAuth(
  auth: Auth,
  { request, path }: RouteCall,
  body: Buffer,
  address: string,
  question?: AuthQuestion,
): Promise<Response> {
  const headers = authHeaders(request, address);
  if (question?.method === "GET")
    return auth.handler(new Request(`${authOrigin}${authPath}${question.path}`, { headers }));
  return auth.handler(
    new Request(`${authOrigin}${path}`, {
      method: "POST",
      headers,
      body: body.length === 0 ? "{}" : new Uint8Array(body),
    }),
  );
}

/** The headers of a request that better-auth reads. */
export function authHeaders(request: IncomingMessage, address: string): Headers {
  const headers = new Headers({ "content-type": "application/json" });
  for (const name of ["cookie", "user-agent"] as const) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  headers.set(peerHeader, address);
  return headers;
}

/**
 * The address of the client: that of the socket, or the last one of X-Forwarded-For if the operator says that a proxy
 * in front has added it. What clients send themselves comes before that one.
 */
export function addressOf({ headers, socket }: IncomingMessage, trustsProxy: boolean): string {
  const forwarded = [headers["x-forwarded-for"] ?? []].flat().join(",").split(",").at(-1)?.trim() ?? "";
  return trustsProxy && isIP(forwarded) !== 0 ? forwarded : (socket.remoteAddress ?? "127.0.0.1");
}

/** Throws `people.too_many_attempts`, `.wrong_credentials`, `.already_exists`, `.refused` for what better-auth refuses. */
export async function sendResponse({ response }: RouteCall, answer: Response): Promise<void> {
  if (!answer.ok) throw await refusalOf(answer);
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, {
    "content-type": answer.headers.get("content-type") ?? "application/json",
    "cache-control": "no-store",
    "set-cookie": answer.headers.getSetCookie(),
  });
  response.end(body);
}

async function refusalOf(answer: Response): Promise<HoldfastError> {
  const text = await answer.text();
  const body = text.startsWith("{") ? (JSON.parse(text) as Body) : {};
  const { status } = answer;
  const reason = typeof body["message"] === "string" ? body["message"] : "The request was refused";
  const error = (code: string, statusCode: number, message: string) =>
    new HoldfastError("people", code, message, { statusCode });
  if (status === 429) return error("too_many_attempts", 429, "Too many attempts. Wait ten seconds.");
  if (status === 401) return error("wrong_credentials", 401, "E-mail address or password are wrong");
  if (String(body["code"]).startsWith("USER_ALREADY_EXISTS")) return error("already_exists", 409, reason);
  // What better-auth does not explain is an error of this server.
  if (status >= 500) return new HoldfastError("internal", "internal_error", "An internal error occurred");
  return error("refused", status, reason);
}

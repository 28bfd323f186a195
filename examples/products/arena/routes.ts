/** The page, and the routes for what needs no actor of its own: signing in, and the way to a room. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, UserError } from "holdfast";
import { registry } from "./actors.ts";
import { newUser, requireUser, sessionCookie, userOf } from "./sessions.ts";

const html = join(import.meta.dirname, "page", "index.html");
const maxBodyBytes = 8_192;

const page = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
};

type Handler = (request: Request, body: Record<string, unknown>) => Promise<Response> | Response;

const routes: Readonly<Record<string, Handler>> = {
  "GET /api/session": (request) => Response.json({ user: userOf(request) ?? null }),
  "POST /api/session": (request, { name }) => {
    const user = newUser(name);
    const headers = { "set-cookie": sessionCookie(user, request.headers.get("host") ?? "") };
    return Response.json({ user }, { headers });
  },
  "DELETE /api/session": (request) => {
    const headers = { "set-cookie": sessionCookie(undefined, request.headers.get("host") ?? "") };
    return Response.json({}, { headers });
  },
  /** Where to play: in the room of before, in the fullest one with a place, or in a private one. */
  "POST /api/play": async (request, { isPrivate }) => {
    const user = requireUser(request);
    const main = registry.client.lobby.getOrCreate(["main"]);
    const { room } = await main.play(user, isPrivate === true);
    const options = { createWithInput: { isPrivate: isPrivate === true } };
    await registry.client.room.getOrCreate([room], options).resolve();
    return Response.json({ room });
  },
};

/** Answers everything but actors and files. */
export async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const handler = routes[`${request.method} ${pathname}`];
  try {
    if (handler !== undefined) return await handler(request, await bodyOf(request));
    const isPage = request.method === "GET" && (pathname === "/" || /^\/r\/[\w-]+$/.test(pathname));
    if (isPage) return new Response(readFileSync(html), { headers: page });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return Response.json({ code: error.code, message: error.message }, { status: 400 });
  }
  return Response.json({ code: "not_found", message: "This page does not exist" }, { status: 404 });
}

/** Reads a small JSON object. */
async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  if (request.method !== "POST") return {};
  let text = "";
  for await (const chunk of request.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > maxBodyBytes) throw new UserError("The request is too long", { code: "too_long" });
  }
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return { ...body };
  } catch {
    // Refused below, as other values are.
  }
  throw new UserError("The request is no JSON object", { code: "invalid_request" });
}

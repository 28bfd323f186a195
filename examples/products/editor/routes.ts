/** The page, and the routes for what needs no actor of its own: signing in, new documents, share links. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, UserError } from "holdfast";
import { registry } from "./actors.ts";
import { limits } from "./limits.ts";
import {
  newUser,
  readShareToken,
  requireUser,
  sessionCookie,
  shareToken,
  type User,
  userOf,
} from "./sessions.ts";

const html = join(import.meta.dirname, "page", "index.html");
const maxBodyBytes = 8_192;

const page = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // CodeMirror writes its styles into the page.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
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
  "POST /api/documents": async (request, { title }) => {
    const owner = requireUser(request);
    await requireSpace(owner);
    const id = randomUUID();
    await registry.client.document.create([id], { input: { title: String(title), owner } });
    return Response.json({ id });
  },
  "POST /api/links": async (request, { document, role }) => {
    const user = requireUser(request);
    const handle = registry.client.document.get([String(document)]);
    const link = await handle.addLink(user, role === "edit" ? "edit" : "read");
    const expiresAt = link.createdAt + limits.linkDays * 24 * 60 * 60 * 1_000;
    return Response.json({
      link,
      token: shareToken({ document: String(document), link: link.id, expiresAt }),
    });
  },
  /** Exchanges the token of a share link, once, for a membership that the document keeps. */
  "POST /api/join": async (request, { token }) => {
    const user = requireUser(request);
    const { document, link } = readShareToken(token);
    await requireSpace(user, document);
    await registry.client.document.get([document]).join(user, link);
    return Response.json({ document });
  },
};

/** A list that is full would lose its oldest documents. */
async function requireSpace({ id }: User, known?: string): Promise<void> {
  const documents = await registry.client.account.getOrCreate([id]).documents();
  if (documents.length < limits.documentsOfAccount || documents.some((each) => each.id === known)) return;
  const message = `You have ${limits.documentsOfAccount} documents. Leave or delete one first.`;
  throw new UserError(message, { code: "too_many_documents" });
}

/** Answers everything but actors and files. */
export async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const handler = routes[`${request.method} ${pathname}`];
  try {
    if (handler !== undefined) return await handler(request, await bodyOf(request));
    const isPage = request.method === "GET" && (pathname === "/" || /^\/d\/[\w-]+$/.test(pathname));
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

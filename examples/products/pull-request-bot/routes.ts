/** Routes beside the actors: webhooks of the forge, and the sign-in. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "holdfast";
import { registry } from "./actors.ts";
import { mayWrite } from "./forge.ts";
import type { Delivery } from "./report.ts";
import { isSignedIn, signIn, signOut } from "./session.ts";
import { forge, limits, publicUrl, triggers } from "./settings.ts";

const maxFormBytes = 4_096;
const isSecure = publicUrl.startsWith("https:");

/** For `application` of `registry.listen`. */
export const application = {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "POST /webhook":
        return await webhook(request);
      case "GET /session":
        return Response.json({ isSignedIn: isSignedIn(request) });
      case "POST /session":
        return await openSession(request);
      case "DELETE /session":
        return new Response(null, { status: 204, headers: { "set-cookie": signOut(isSecure) } });
      default:
        return new Response("Not found", { status: 404 });
    }
  },
};

async function webhook(request: Request): Promise<Response> {
  const body = await readLimited(request, limits.maxWebhookBytes);
  if (body === undefined) return new Response("Too long", { status: 413 });
  if (!isSigned(request.headers, body)) return new Response("Wrong signature", { status: 401 });
  const delivery = deliveryOf(request.headers, body);
  if (delivery === undefined) return new Response("Nothing to do", { status: 200 });
  try {
    // Strangers can comment too: asked before anything is queued, so that they use nothing of the day's budget.
    if (!(await mayWrite(delivery.repository, delivery.by))) return Response.json({ outcome: "not allowed" });
    const outcome = await registry.client.board.getOrCreate(["main"]).receive(delivery);
    return Response.json({ outcome }, { status: 202 });
  } catch (error) {
    // Not acknowledged: the forge shows the failure, and sends it again when somebody asks for it.
    const words = error instanceof HoldfastError ? error.message : "The bot has failed";
    return new Response(words, { status: 503 });
  }
}

/** GitHub's header, and the one of Gitea and Forgejo: HMAC SHA-256 of the body with the secret. */
function isSigned(headers: Headers, body: Buffer): boolean {
  const given =
    headers.get("x-hub-signature-256")?.replace(/^sha256=/, "") ?? headers.get("x-gitea-signature");
  if (forge.webhookSecret === "" || given === null || !/^[0-9a-f]{64}$/.test(given)) return false;
  const expected = createHmac("sha256", forge.webhookSecret).update(body).digest();
  return timingSafeEqual(Buffer.from(given, "hex"), expected);
}

interface Payload {
  readonly action?: string;
  readonly label?: { readonly name?: string };
  readonly is_pull?: boolean;
  readonly issue?: { readonly number?: number; readonly pull_request?: unknown };
  readonly comment?: { readonly body?: string; readonly user?: { readonly login?: string } };
  readonly repository?: { readonly full_name?: string };
  readonly sender?: { readonly login?: string };
}

/** Undefined for what starts no job. */
function deliveryOf(headers: Headers, body: Buffer): Delivery | undefined {
  const name = headers.get("x-github-event") ?? headers.get("x-gitea-event");
  const id = headers.get("x-github-delivery") ?? headers.get("x-gitea-delivery");
  const payload = parse(body);
  const { action, issue, comment, label, sender } = payload;
  const repository = payload.repository?.full_name;
  const number = issue?.number;
  if (id === null || !/^[\w-]{1,100}$/.test(id) || repository === undefined || number === undefined)
    return undefined;
  if (issue?.pull_request != null || payload.is_pull === true) return undefined;
  if (name === "issues" && action === "labeled" && label?.name === triggers.label) {
    const by = sender?.login ?? "";
    return { id, repository, number, by, trigger: "label", request: "" };
  }
  const [command = "", ...rest] = (comment?.body ?? "").trim().split(/\s+/);
  if (name !== "issue_comment" || action !== "created" || command !== triggers.command) return undefined;
  const request = rest.join(" ").slice(0, limits.maxLineLength);
  return { id, repository, number, by: comment?.user?.login ?? "", trigger: "comment", request };
}

function parse(body: Buffer): Payload {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

async function openSession(request: Request): Promise<Response> {
  const body = await readLimited(request, maxFormBytes);
  const password = body === undefined ? "" : new URLSearchParams(body.toString("utf8")).get("password");
  try {
    const cookie = signIn(password ?? "", isSecure);
    if (cookie === undefined) return new Response("That is not the password.", { status: 401 });
    return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return new Response(error.message, { status: 429 });
  }
}

/** Undefined for a body that is longer. */
async function readLimited(request: Request, maxBytes: number): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.byteLength;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

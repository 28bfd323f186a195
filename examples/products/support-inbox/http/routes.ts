/** Routes beside the actors: agents sign in, customers begin a conversation, other systems send webhooks. */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { isHoldfastError, UserError } from "holdfast";
import { z } from "zod";
import type { registry } from "../actors.ts";
import { limits } from "../limits.ts";
import { modelName } from "../model/model.ts";
import { signatureOf } from "./outbound.ts";
import { type Agent, agentCookie, agentOf, customerToken } from "./sessions.ts";

type Client = (typeof registry)["client"];

/** What the page of the agents learns when it loads. */
export interface SessionInfo {
  readonly agent: Agent | null;
  readonly team: readonly Agent[];
  /** Nobody has an account yet: the first agent needs no code. */
  readonly isNew: boolean;
  readonly model: string;
}

const maxBodyBytes = 65_536;
const maxAgeS = 300;
const ticketsPerMinute = Number(process.env["TICKETS_PER_MINUTE"] ?? 30);
const name = z.string().trim().min(1, "Enter a name.").max(limits.nameLength, "The name is too long.");
const email = z.email("Enter an e-mail address.").max(limits.emailLength);
const text = z
  .string()
  .trim()
  .min(1, "Write a message.")
  .max(limits.messageLength, `A message has at most ${limits.messageLength} characters.`);
const subject = z
  .string()
  .trim()
  .min(1, "Enter a subject.")
  .max(limits.subjectLength, "The subject is too long.");
const credentials = z.object({
  name,
  password: z
    .string()
    .min(limits.minPasswordLength, `A password has at least ${limits.minPasswordLength} characters.`)
    .max(limits.maxPasswordLength),
  code: z.string().max(200).optional(),
});
const contact = z.object({ id: z.uuid(), name, email, subject, text });
const webhook = z.object({
  id: z.string().min(1).max(64),
  thread: z.string().min(1).max(200).optional(),
  from: z.object({ name, email }),
  subject: subject.optional(),
  text,
});

async function textOf(request: Request): Promise<string> {
  let body = "";
  for await (const chunk of request.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    body += chunk;
    if (body.length > maxBodyBytes) throw new UserError("The body is too long", { code: "invalid_request" });
  }
  return body;
}

function parse<Schema extends z.ZodType>(schema: Schema, body: string): z.infer<Schema> {
  const parsed = schema.safeParse(JSON.parse(body));
  if (parsed.success) return parsed.data;
  throw new UserError(parsed.error.issues[0]?.message ?? "Invalid", { code: "invalid_request" });
}

async function jsonOf<Schema extends z.ZodType>(schema: Schema, request: Request): Promise<z.infer<Schema>> {
  // A form of another page cannot send this type without asking first.
  if (request.headers.get("content-type") !== "application/json")
    throw new UserError("The body is JSON", { code: "invalid_request" });
  return parse(schema, await textOf(request));
}

function isSecure(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function signIn(client: Client, request: Request, joins: boolean): Promise<Response> {
  const { name: given, password, code } = await jsonOf(credentials, request);
  const expected = process.env["TEAM_CODE"];
  const team = client.team.getOrCreate(["main"]);
  const hasCode = expected !== undefined && isEqual(code ?? "", expected);
  const agent = joins ? await team.join(given, password, hasCode) : await team.check(given, password);
  return Response.json({ agent }, { headers: { "set-cookie": agentCookie(agent, isSecure(request)) } });
}

/** Conversations that strangers have begun in this minute, on this server. */
const begun = { minute: 0, count: 0 };

function checkRate(): void {
  const minute = Math.floor(Date.now() / 60_000);
  if (begun.minute !== minute) Object.assign(begun, { minute, count: 0 });
  begun.count += 1;
  if (begun.count > ticketsPerMinute)
    throw new UserError("Too many messages arrive. Try again in a minute.", { code: "busy" });
}

/** A customer begins a conversation. The same id gives the same one, so that a repeated request is no second one. */
async function begin(client: Client, request: Request): Promise<Response> {
  const message = await jsonOf(contact, request);
  checkRate();
  const ticketId = `page-${createHash("sha256").update(message.id).digest("hex").slice(0, 32)}`;
  await client.ticket.getOrCreate([ticketId]).receive({ ...message, source: "page" });
  return Response.json({ ticketId, token: customerToken(ticketId) });
}

/** A message from another system: signed, and not older than five minutes. Answered when it is durable, kept once. */
async function receive(client: Client, request: Request): Promise<Response> {
  const secret = process.env["WEBHOOK_SECRET"];
  if (secret === undefined || secret === "")
    return Response.json({ message: "Webhooks are off: WEBHOOK_SECRET is not set." }, { status: 503 });
  const body = await textOf(request);
  const timestamp = request.headers.get("x-timestamp") ?? "";
  const isFresh = Math.abs(Date.now() / 1_000 - Number(timestamp)) <= maxAgeS;
  if (!isFresh || !isEqual(request.headers.get("x-signature") ?? "", signatureOf(secret, timestamp, body)))
    return Response.json({ message: "The signature is wrong, or too old." }, { status: 401 });
  const { id, thread, from, subject: about, text: said } = parse(webhook, body);
  const key = createHash("sha256")
    .update(thread ?? from.email.toLowerCase())
    .digest("hex")
    .slice(0, 32);
  const incoming = {
    id,
    ...from,
    subject: about ?? said.slice(0, 60),
    text: said,
    source: "webhook" as const,
  };
  const isNew = await client.ticket.getOrCreate([`hook-${key}`]).receive(incoming);
  return Response.json({ ticket: `hook-${key}`, isNew }, { status: 202 });
}

async function answer(client: Client, request: Request): Promise<Response> {
  const route = `${request.method} ${new URL(request.url).pathname}`;
  if (route === "POST /contact") return await begin(client, request);
  if (route === "POST /webhooks/messages") return await receive(client, request);
  if (route === "POST /session") return await signIn(client, request, false);
  if (route === "POST /agents") return await signIn(client, request, true);
  if (route === "DELETE /session")
    return Response.json({}, { headers: { "set-cookie": agentCookie(undefined, isSecure(request)) } });
  if (route !== "GET /session") return Response.json({ message: "There is no such page." }, { status: 404 });
  const agent = agentOf(request) ?? null;
  const members = await client.team.getOrCreate(["main"]).members();
  const info: SessionInfo = {
    ...{ agent, team: agent === null ? [] : members, isNew: members.length === 0, model: modelName },
  };
  return Response.json(info, { headers: { "cache-control": "no-store" } });
}

/** The application that the registry serves beside its actors and the pages. */
export function routes(client: Client): { fetch(request: Request): Promise<Response> } {
  return {
    fetch: async (request) => {
      const id = randomUUID().slice(0, 8);
      try {
        return await answer(client, request);
      } catch (error) {
        if (error instanceof SyntaxError)
          return Response.json({ message: "The body is not JSON" }, { status: 400 });
        if (isHoldfastError(error) && error.group === "user")
          return Response.json({ code: error.code, message: error.message }, { status: 400 });
        console.error(`request ${id} failed`, error);
        return Response.json({ message: `That did not work. Reference: ${id}` }, { status: 500 });
      }
    },
  };
}

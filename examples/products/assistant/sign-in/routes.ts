/** Routes beside the actors: who is signed in, signing in and out, new accounts. */
import { isHoldfastError, UserError } from "holdfast";
import { z } from "zod";
import type { registry } from "../actors.ts";
import { limits } from "../limits.ts";
import { modelName } from "../model/model.ts";
import { type Session, sessionCookie, sessionOf } from "./sessions.ts";

type Client = Pick<(typeof registry)["client"], "account" | "person">;

/** What the page learns when it loads. */
export interface SessionInfo {
  readonly user: Session | null;
  /** New accounts need the code of SIGN_UP_CODE. */
  readonly needsCode: boolean;
  readonly model: string;
}

const maxBodyBytes = 2_048;
const credentials = z.object({
  name: z
    .string()
    .trim()
    .min(1, "Enter a name.")
    .max(limits.nameLength, `A name has at most ${limits.nameLength} characters.`)
    .regex(/^[\p{L}\p{N} ._-]+$/u, "A name has letters, digits, spaces, dots and dashes."),
  password: z
    .string()
    .min(limits.minPasswordLength, `A password has at least ${limits.minPasswordLength} characters.`)
    .max(limits.maxPasswordLength, `A password has at most ${limits.maxPasswordLength} characters.`),
  code: z.string().max(200).optional(),
});

async function bodyOf(request: Request): Promise<z.infer<typeof credentials>> {
  // A form of another page cannot send this type without asking first.
  if (request.headers.get("content-type") !== "application/json")
    throw new UserError("The body is JSON", { code: "invalid_request" });
  let text = "";
  for await (const chunk of request.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > maxBodyBytes) throw new UserError("The body is too long", { code: "invalid_request" });
  }
  const parsed = credentials.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new UserError(parsed.error.issues[0]?.message ?? "Invalid", { code: "invalid_request" });
}

function isSecure(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}

function signedIn(request: Request, session: Session): Response {
  return Response.json(
    { user: session },
    { headers: { "set-cookie": sessionCookie(session, isSecure(request)) } },
  );
}

async function signUp(client: Client, request: Request): Promise<Response> {
  const { name, password, code } = await bodyOf(request);
  const expected = process.env["SIGN_UP_CODE"];
  if (expected !== undefined && code !== expected)
    throw new UserError("The invitation code is wrong.", { code: "wrong_code" });
  const userId = await client.account.getOrCreate([name.toLowerCase()]).register(password);
  await client.person.getOrCreate([userId], { createWithInput: { name } }).overview();
  return signedIn(request, { userId, name });
}

async function signIn(client: Client, request: Request): Promise<Response> {
  const { name, password } = await bodyOf(request);
  try {
    const userId = await client.account.get([name.toLowerCase()]).check(password);
    return signedIn(request, { userId, name });
  } catch (error) {
    if (isHoldfastError(error) && error.group === "actor" && error.code === "not_found")
      throw new UserError("The name or the password is wrong.", { code: "wrong_password" });
    throw error;
  }
}

async function answer(client: Client, request: Request): Promise<Response> {
  const route = `${request.method} ${new URL(request.url).pathname}`;
  if (route === "POST /accounts") return await signUp(client, request);
  if (route === "POST /session") return await signIn(client, request);
  if (route === "DELETE /session")
    return Response.json({}, { headers: { "set-cookie": sessionCookie(undefined, isSecure(request)) } });
  if (route !== "GET /session") return Response.json({ message: "There is no such page." }, { status: 404 });
  const info: SessionInfo = {
    user: sessionOf(request) ?? null,
    needsCode: process.env["SIGN_UP_CODE"] !== undefined,
    model: modelName,
  };
  return Response.json(info, { headers: { "cache-control": "no-store" } });
}

/** The application that the registry serves beside its actors and the page. */
export function signInRoutes(client: Client): { fetch(request: Request): Promise<Response> } {
  return {
    fetch: async (request) => {
      try {
        return await answer(client, request);
      } catch (error) {
        if (error instanceof SyntaxError)
          return Response.json({ message: "The body is not JSON" }, { status: 400 });
        if (!isHoldfastError(error) || error.group !== "user") throw error;
        return Response.json({ code: error.code, message: error.message }, { status: 400 });
      }
    },
  };
}

/** Routes beside the actors: accounts, sessions, and the exchange of a link for a cookie. */
import { isHoldfastError, UserError } from "holdfast";
import { z } from "zod";
import { registry } from "./actors.ts";
import { limits } from "./limits.ts";
import { modelName } from "./model.ts";
import { cookieOfLink, cookieOfSession, readLinkToken, type Session, sessionOf } from "./sessions.ts";

/** What the page learns when it loads. */
export interface SessionInfo {
  readonly user: Session | null;
  /** New accounts need the code of SIGN_UP_CODE. */
  readonly needsCode: boolean;
  readonly model: string;
}

const maxBodyBytes = 4_096;
const credentials = z.object({
  name: z
    .string()
    .trim()
    .min(1, "Enter a name.")
    .max(limits.maxNameLength)
    .regex(/^[\p{L}\p{N} ._-]+$/u, "A name has letters, digits, spaces, dots and dashes."),
  password: z
    .string()
    .min(limits.minPasswordLength, `A password has at least ${limits.minPasswordLength} characters.`)
    .max(limits.maxPasswordLength),
  code: z.string().max(200).optional(),
});
const linkBody = z.object({ token: z.string().max(2_000) });

async function bodyOf<Body>(request: Request, schema: z.ZodType<Body>): Promise<Body> {
  // A form of another page cannot send this type without asking first.
  if (request.headers.get("content-type") !== "application/json")
    throw new UserError("The body is JSON", { code: "invalid_request" });
  let text = "";
  for await (const chunk of request.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > maxBodyBytes) throw new UserError("The body is too long", { code: "invalid_request" });
  }
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new UserError(parsed.error.issues[0]?.message ?? "Invalid", { code: "invalid_request" });
}

function isSecure(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}

function signedIn(request: Request, session: Session): Response {
  return Response.json({}, { headers: { "set-cookie": cookieOfSession(session, isSecure(request)) } });
}

async function signUp(request: Request): Promise<Response> {
  const { name, password, code } = await bodyOf(request, credentials);
  const expected = process.env["SIGN_UP_CODE"];
  if (expected !== undefined && code !== expected)
    throw new UserError("The invitation code is wrong.", { code: "wrong_code" });
  const { client } = registry;
  const userId = await client.account.getOrCreate([name.toLowerCase()]).register(password);
  await client.desk.getOrCreate([userId]).rows();
  return signedIn(request, { userId, name });
}

async function signIn(request: Request): Promise<Response> {
  const { name, password } = await bodyOf(request, credentials);
  try {
    const userId = await registry.client.account.get([name.toLowerCase()]).check(password);
    return signedIn(request, { userId, name });
  } catch (error) {
    if (isHoldfastError(error) && error.group === "actor" && error.code === "not_found")
      throw new UserError("The name or the password is wrong.", { code: "wrong_password" });
    throw error;
  }
}

/** The token of a link for a cookie. Whether the link was replaced is the document's to say. */
async function openLink(request: Request): Promise<Response> {
  const { token } = await bodyOf(request, linkBody);
  const link = readLinkToken(token);
  const { ownerId, documentId } = link;
  return Response.json(
    { ownerId, documentId },
    { headers: { "set-cookie": cookieOfLink(link, isSecure(request)) } },
  );
}

async function answer(request: Request): Promise<Response> {
  switch (`${request.method} ${new URL(request.url).pathname}`) {
    case "POST /accounts":
      return await signUp(request);
    case "POST /session":
      return await signIn(request);
    case "POST /link":
      return await openLink(request);
    case "DELETE /session":
      return Response.json({}, { headers: { "set-cookie": cookieOfSession(undefined, isSecure(request)) } });
    case "GET /session": {
      const needsCode = process.env["SIGN_UP_CODE"] !== undefined;
      const info: SessionInfo = { user: sessionOf(request) ?? null, needsCode, model: modelName };
      return Response.json(info, { headers: { "cache-control": "no-store" } });
    }
    default:
      return Response.json({ message: "This address does not exist." }, { status: 404 });
  }
}

/** For `application` of `registry.listen`. */
export const application = {
  fetch: async (request: Request): Promise<Response> => {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof SyntaxError)
        return Response.json({ message: "The body is not JSON" }, { status: 400 });
      if (!isHoldfastError(error) || error.group !== "user") throw error;
      return Response.json({ code: error.code, message: error.message }, { status: 400 });
    }
  },
};

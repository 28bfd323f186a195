import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import { localOrganization } from "../access/organization-ids.ts";
import type { Person } from "../access/person.ts";
import { type Role, roles } from "../access/roles.ts";
import { tokenScopes } from "../contract/people.ts";
import { readBody } from "../http/read-body.ts";
import { headersOf } from "../http/router.ts";
import type { PeopleRouteName, RouteCall, RouteHandler } from "../http/routes.ts";
import { studioLimits } from "../limits.ts";
import { type Auth, authOrigin, authPath, peerHeader } from "./auth/auth.ts";
import type { Links } from "./links.ts";
import type { People } from "./people.ts";

/** The header with the token of the invitation that a sign-up needs. */
export const invitationHeader = "x-holdfast-invitation";

type Body = Readonly<Record<string, unknown>>;

export interface PeopleRoutesOptions {
  readonly people: People;
  readonly auth: () => Auth;
  readonly links: Links;
  /** True if a proxy in front says whose request it is. */
  readonly trustsProxy: boolean;
  /** Appends an entry to the audit log. */
  readonly audit: (entry: AuditEntry) => Promise<void>;
}

type AskAuth = (call: RouteCall, body: Buffer, question?: AuthQuestion) => Promise<Response>;

/** A request to better-auth whose path is not that of the call. */
interface AuthQuestion {
  readonly method: "GET";
  /** Below better-auth's own path, with its query. */
  readonly path: string;
}

/** Handlers of the routes about people. Who may call them is in `routeRules`. */
export function createPeopleRoutes({
  people,
  auth,
  links,
  trustsProxy,
  audit,
}: PeopleRoutesOptions): Readonly<Record<PeopleRouteName, RouteHandler>> {
  const ask: AskAuth = (call, body, question) =>
    askAuth(auth(), call, body, addressOf(call.request, trustsProxy), question);
  const noteSignIn: NoteSignIn = (call, way, answer) =>
    audit(signInEntry(way, answer, addressOf(call.request, trustsProxy)));
  const toAuth: RouteHandler = async (call) => sendResponse(call, await ask(call, await bodyOf(call)));
  return {
    "POST /people/auth/sign-up/email": (call) => signUp(people, ask, call),
    "POST /people/auth/sign-in/email": (call) => signIn(ask, noteSignIn, call),
    "POST /people/sign-in-link": async (call) => {
      const { email } = await jsonOf(call);
      const create = (address: string) => auth().sendSignInLink(address);
      links.requestSignIn(textOf(email, "email", 320), create);
      send(call, 202, {});
    },
    "POST /people/sign-in-token": (call) => signInByToken(ask, noteSignIn, call),
    "POST /people/auth/sign-out": toAuth,
    "POST /people/auth/change-password": toAuth,
    "POST /people/auth/reset-password": toAuth,
    "POST /people/reset": async (call) => {
      const { email } = await jsonOf(call);
      links.requestReset(textOf(email, "email", 320));
      send(call, 202, {});
    },
    "GET /people/me": async (call) => send(call, 200, await people.profile(personOf(call))),
    "PATCH /people/me": async (call) => {
      const { name } = await jsonOf(call);
      await people.rename(personOf(call), textOf(name, "name", 100).trim());
      send(call, 204);
    },
    "GET /people/sessions": async (call) =>
      send(call, 200, { sessions: await people.sessions(personOf(call), headersOf(call.request)) }),
    "DELETE /people/sessions/:session": async (call) => {
      await people.endSession(personOf(call), call.params["session"] ?? "");
      send(call, 204);
    },
    "GET /people/tokens": async (call) => send(call, 200, { tokens: await people.tokens(personOf(call)) }),
    "POST /people/tokens": async (call) =>
      send(call, 201, await people.createToken(personOf(call), await tokenInputOf(call))),
    "DELETE /people/tokens/:token": async (call) => {
      await people.deleteToken(personOf(call), call.params["token"] ?? "");
      send(call, 204);
    },
    "GET /people/invitation": async (call) => send(call, 200, await people.offer(invitationTokenOf(call))),
    "POST /people/accept": async (call) => {
      const { token } = await jsonOf(call);
      send(call, 200, await people.accept(personOf(call).id, textOf(token, "token", 200)));
    },
    "GET /people/accounts/:person/tokens": async (call) =>
      send(call, 200, { tokens: await people.tokens(await accountOf(people, call)) }),
    "POST /people/accounts/:person/tokens": async (call) => {
      const account = await accountOf(people, call);
      send(call, 201, await people.createToken(account, await tokenInputOf(call)));
    },
    "DELETE /people/accounts/:person/tokens/:token": async (call) => {
      await people.deleteToken(await accountOf(people, call), call.params["token"] ?? "");
      send(call, 204);
    },
    ...organizationRoutes(people, links),
  };
}

/** The account in the path. Throws `member.not_found`. */
function accountOf(people: People, { params: { person = "" } }: RouteCall): Promise<Pick<Person, "id">> {
  return people.account(person);
}

async function tokenInputOf(call: RouteCall) {
  const { name, scope, days } = await jsonOf(call);
  return {
    name: textOf(name, "name", 100),
    scope: oneOf(scope, "scope", tokenScopes),
    days: daysOf(days),
  };
}

type OrganizationRouteName = Extract<PeopleRouteName, `${string} /people/organizations/${string}`>;

function organizationRoutes(
  people: People,
  links: Links,
): Readonly<Record<OrganizationRouteName, RouteHandler>> {
  return {
    "GET /people/organizations/:organization/members": async (call) =>
      send(call, 200, { members: await people.members(organizationOf(call)) }),
    "PATCH /people/organizations/:organization/members/:person": async (call) => {
      const { role } = await jsonOf(call);
      const { person: member = "" } = call.params;
      await people.changeRole(personOf(call), organizationOf(call), member, oneOf(role, "role", roles));
      send(call, 204);
    },
    "DELETE /people/organizations/:organization/members/:person": async (call) => {
      await people.removeMember(personOf(call), organizationOf(call), call.params["person"] ?? "");
      send(call, 204);
    },
    "POST /people/organizations/:organization/members/:person/reset": async (call) => {
      const { person: member = "" } = call.params;
      const { id, email } = await people.accountToReset(personOf(call), organizationOf(call), member);
      send(call, 200, await links.resetFor(id, email));
    },
    "POST /people/organizations/:organization/leave": async (call) => {
      await people.leave(personOf(call), organizationOf(call));
      send(call, 204);
    },
    "POST /people/organizations/:organization/transfer": async (call) => {
      const { to } = await jsonOf(call);
      await people.transfer(personOf(call), organizationOf(call), textOf(to, "to", 100));
      send(call, 204);
    },
    "GET /people/organizations/:organization/invitations": async (call) =>
      send(call, 200, { invitations: await people.invitations(organizationOf(call)) }),
    "POST /people/organizations/:organization/invitations": async (call) => {
      const { role, email } = await jsonOf(call);
      const invitation: { readonly role: Role; readonly email: string | null } = {
        role: oneOf(role, "role", roles),
        email: email === undefined || email === null ? null : textOf(email, "email", 320),
      };
      const made = await people.invite(personOf(call), organizationOf(call), invitation);
      send(call, 201, await links.sendInvitation(made));
    },
    "DELETE /people/organizations/:organization/invitations/:invitation": async (call) => {
      await people.withdraw(organizationOf(call), call.params["invitation"] ?? "");
      send(call, 204);
    },
    "POST /people/organizations/:organization/invitations/:invitation/renew": async (call) => {
      const { invitation = "" } = call.params;
      const made = await people.renewInvitation(personOf(call), organizationOf(call), invitation);
      send(call, 200, await links.sendInvitation(made));
    },
  };
}

/** Signs up a person who is invited, and makes them a member. */
async function signUp(people: People, ask: AskAuth, call: RouteCall): Promise<void> {
  const token = invitationTokenOf(call);
  const body = await bodyOf(call);
  const { email } = parse(body);
  await people.checkInvitation(token, textOf(email, "email", 320));
  const response = await ask(call, body);
  if (response.ok) {
    const { user } = (await response.clone().json()) as { readonly user: { readonly id: string } };
    await people.accept(user.id, token);
  }
  await sendResponse(call, response);
}

type NoteSignIn = (call: RouteCall, way: SignInWay, answer: SignInAnswer) => Promise<void>;
type SignInWay = "password" | "link";

/** Who signed in, or the address that was given and refused. */
type SignInAnswer = { readonly person: string } | { readonly email: string };

/** A sign-in, or one that was refused, as the audit log has it. */
function signInEntry(via: SignInWay, answer: SignInAnswer, address: string): AuditEntry {
  const type = "person" in answer ? "person.signed_in" : "person.sign_in_refused";
  return { type, data: { ...answer, via, address } };
}

/** Signs in with a password. What was sent too often is not recorded: it would fill the log. */
async function signIn(ask: AskAuth, note: NoteSignIn, call: RouteCall): Promise<void> {
  const body = await bodyOf(call);
  const response = await ask(call, body);
  if (response.ok) await note(call, "password", await personSignedIn(response));
  else if (response.status === 401) {
    const { email } = parse(body);
    await note(call, "password", { email: typeof email === "string" ? email.slice(0, 320) : "" });
  }
  await sendResponse(call, response);
}

/** Signs in with the token of a link, once. Throws `people.invalid_link`. */
async function signInByToken(ask: AskAuth, note: NoteSignIn, call: RouteCall): Promise<void> {
  const { token } = await jsonOf(call);
  const query = new URLSearchParams({ token: textOf(token, "token", 200) });
  const response = await ask(call, Buffer.alloc(0), { method: "GET", path: `/magic-link/verify?${query}` });
  // It leads a browser to a page about the error.
  if (response.status >= 300 && response.status < 400) {
    await note(call, "link", { email: "" });
    const message = "This link has expired or was already used. Ask for a new one.";
    throw new HoldfastError("people", "invalid_link", message, { statusCode: 403 });
  }
  if (response.ok) await note(call, "link", await personSignedIn(response));
  await sendResponse(call, response);
}

async function personSignedIn(response: Response): Promise<{ readonly person: string }> {
  const { user } = (await response.clone().json()) as { readonly user: { readonly id: string } };
  return { person: user.id };
}

/** Throws `invitation.required`. */
function invitationTokenOf({ request }: RouteCall): string {
  const token = request.headers[invitationHeader];
  if (typeof token === "string" && token !== "") return token;
  const message = `Send the token of an invitation in the header ${invitationHeader}`;
  throw new HoldfastError("invitation", "required", message, { statusCode: 403 });
}

/** Passes a request on to better-auth, with the address of the client. */
function askAuth(
  auth: Auth,
  { request, path }: RouteCall,
  body: Buffer,
  address: string,
  question?: AuthQuestion,
): Promise<Response> {
  const headers = new Headers({ "content-type": "application/json" });
  for (const name of ["cookie", "user-agent"] as const) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  headers.set(peerHeader, address);
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

/**
 * The address of the client: that of the socket, or the last one of X-Forwarded-For if the operator says that a proxy
 * in front has added it. What clients send themselves comes before that one.
 */
function addressOf({ headers, socket }: IncomingMessage, trustsProxy: boolean): string {
  const forwarded = [headers["x-forwarded-for"] ?? []].flat().join(",").split(",").at(-1)?.trim() ?? "";
  return trustsProxy && isIP(forwarded) !== 0 ? forwarded : (socket.remoteAddress ?? "127.0.0.1");
}

/** Throws `people.too_many_attempts`, `.wrong_credentials`, `.already_exists`, `.refused` for what better-auth refuses. */
async function sendResponse({ response }: RouteCall, answer: Response): Promise<void> {
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

function send({ response }: RouteCall, status: number, value?: unknown): void {
  const type = value === undefined ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, "cache-control": "no-store" });
  response.end(value === undefined ? undefined : JSON.stringify(value));
}

function personOf({ person }: RouteCall): Person {
  if (person === undefined) throw new Error("The rule of this route lets nobody in without signing in");
  return person;
}

/** The organization in the path. Throws `organization.not_found`: for now there is one. */
function organizationOf({ params: { organization } }: RouteCall): string {
  if (organization === localOrganization) return organization;
  const message = "There is no such organization";
  throw new HoldfastError("organization", "not_found", message, { statusCode: 404 });
}

async function bodyOf({ request }: { readonly request: IncomingMessage }): Promise<Buffer> {
  const type = request.headers["content-type"];
  const body = await readBody(request, studioLimits.maxPeopleBodyBytes);
  if (body.length === 0 || /^application\/json\b/.test(type ?? "")) return body;
  throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
}

async function jsonOf(call: RouteCall): Promise<Body> {
  return parse(await bodyOf(call));
}

function parse(body: Buffer): Body {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  } catch {
    // Reported below, like any other invalid body.
  }
  throw invalid("The body must be an object as JSON");
}

function textOf(value: unknown, name: string, max: number): string {
  if (typeof value === "string" && value.trim() !== "" && value.length <= max) return value;
  throw invalid(`${name} must be text of 1 to ${max} characters`);
}

function oneOf<Value extends string>(value: unknown, name: string, values: readonly Value[]): Value {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`${name} must be one of ${values.join(", ")}`);
}

function daysOf(value: unknown): number {
  const days = value ?? 90;
  if (Number.isInteger(days) && Number(days) >= 1 && Number(days) <= studioLimits.maxTokenDays)
    return Number(days);
  throw invalid(`days must be a whole number from 1 to ${studioLimits.maxTokenDays}`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("message", "invalid", message, { statusCode: 400 });
}

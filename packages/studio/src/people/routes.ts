import { pipeline } from "node:stream/promises";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import type { Person } from "../access/person.ts";
import { type Role, roles } from "../access/roles.ts";
import { tokenScopes } from "../contract/people.ts";
import { headersOf } from "../http/router.ts";
import type { PeopleRouteName, RouteCall, RouteHandler } from "../http/routes.ts";
import type { AttemptCounter } from "./auth/attempts.ts";
import type { Auth } from "./auth/auth.ts";
import { type AuthQuestion, addressOf, askAuth, authHeaders, sendResponse } from "./auth/requests.ts";
import type { Links } from "./links.ts";
import type { Organizations } from "./organizations.ts";
import type { Passkeys } from "./passkeys/passkeys.ts";
import { createPasskeyRoutes } from "./passkeys/routes.ts";
import type { People } from "./people.ts";
import type { AttemptCookies } from "./providers/attempt-cookie.ts";
import type { ProviderAccounts } from "./providers/join.ts";
import type { ProviderId } from "./providers/provider.ts";
import type { Providers } from "./providers/providers.ts";
import { createProviderRoutes } from "./providers/routes.ts";
import { bodyOf, daysOf, jsonOf, oneOf, parse, personOf, send, textOf } from "./requests.ts";

/** The header with the token of the invitation that a sign-up needs. */
export const invitationHeader = "x-holdfast-invitation";

export interface PeopleRoutesOptions {
  readonly people: People;
  readonly organizations: Organizations;
  readonly auth: () => Auth;
  readonly links: Links;
  readonly passkeys: Passkeys;
  readonly providers: Providers;
  readonly accounts: ProviderAccounts;
  readonly cookies: () => AttemptCookies;
  readonly log: Logger;
  readonly attempts: AttemptCounter;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  /** True if a proxy in front says whose request it is. */
  readonly trustsProxy: boolean;
  /** Appends an entry to the audit log. */
  readonly audit: (entry: AuditEntry) => Promise<void>;
}

type AskAuth = (call: RouteCall, body: Buffer, question?: AuthQuestion) => Promise<Response>;

/** Handlers of the routes about people. Who may call them is in `routeRules`. */
export function createPeopleRoutes(
  options: PeopleRoutesOptions,
): Readonly<Record<PeopleRouteName, RouteHandler>> {
  const { people, organizations, auth, links, trustsProxy, audit } = options;
  const ask: AskAuth = (call, body, question) =>
    askAuth(auth(), call, body, addressOf(call.request, trustsProxy), question);
  const noteSignIn: NoteSignIn = (call, way, answer) =>
    audit(signInEntry(way, answer, addressOf(call.request, trustsProxy)));
  const signInAs = async (call: RouteCall, person: string, way: SignInWay) => {
    const headers = authHeaders(call.request, addressOf(call.request, trustsProxy));
    const response = await auth().signInAs(person, headers);
    if (response.ok) await noteSignIn(call, way, await personSignedIn(response));
    return response;
  };
  const address = ({ request }: RouteCall) => addressOf(request, trustsProxy);
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
    "GET /people/me": async (call) => {
      const person = personOf(call);
      send(call, 200, await people.profile(person));
      // A page that opens asks this. The answer waits for no organization.
      await people.tellAccounts(person);
    },
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
    "GET /people/invitation": async (call) =>
      send(call, 200, await people.offer(invitationTokenOf(call), (id) => organizations.nameOf(id))),
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
    ...memberRoutes(people, links),
    ...organizationRoutes(organizations),
    ...createPasskeyRoutes({
      ...options,
      addressOf: address,
      signInAs: async (call, person) => sendResponse(call, await signInAs(call, person, "passkey")),
      noteRefusal: (call) => noteSignIn(call, "passkey", { email: "" }),
    }),
    ...createProviderRoutes({
      ...options,
      identify: people.identify,
      addressOf: address,
      sessionFor: async (call, person, way) => (await signInAs(call, person, way)).headers.getSetCookie(),
      noteRefusal: (call, way) => noteSignIn(call, way, { email: "" }),
    }),
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

type ExportRouteName = "GET /people/organizations/:organization/export";
type MemberRouteName = Exclude<
  Extract<PeopleRouteName, `${string} /people/organizations/:organization/${string}`>,
  ExportRouteName
>;
type OrganizationRouteName = Exclude<
  Extract<PeopleRouteName, `${string} /people/organizations${string}`>,
  MemberRouteName
>;

function organizationRoutes(
  organizations: Organizations,
): Readonly<Record<OrganizationRouteName, RouteHandler>> {
  const nameOf = async (call: RouteCall) => textOf((await jsonOf(call))["name"], "name", 100).trim();
  return {
    "GET /people/organizations": async (call) =>
      send(call, 200, { organizations: await organizations.list(personOf(call)) }),
    "POST /people/organizations": async (call) =>
      send(call, 201, await organizations.create(personOf(call), await nameOf(call))),
    "GET /people/organizations/:organization": async (call) =>
      send(call, 200, await organizations.details(personOf(call), organizationOf(call))),
    "GET /people/organizations/:organization/export": async (call) => {
      const { name, archive } = await organizations.export(organizationOf(call));
      const file = `${name.replaceAll(/[^\p{L}\p{N} ._-]/gu, "-")}.holdfast.tar.gz`;
      call.response.writeHead(200, {
        "content-type": "application/gzip",
        "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file)}`,
        "cache-control": "no-store",
      });
      // A connection that breaks is no end of an archive.
      await pipeline(archive, call.response).catch(() => call.response.destroy());
    },
    "POST /people/organizations/import": async (call) => {
      const { searchParams } = new URL(call.request.url ?? "/", "http://localhost");
      const name = textOf(searchParams.get("name") ?? undefined, "name", 100).trim();
      send(call, 201, await organizations.import(personOf(call), name, call.request));
    },
    "PATCH /people/organizations/:organization": async (call) => {
      await organizations.rename(organizationOf(call), await nameOf(call));
      send(call, 204);
    },
    // The name is what a person has typed to confirm it.
    "DELETE /people/organizations/:organization": async (call) => {
      await organizations.delete(organizationOf(call), await nameOf(call));
      send(call, 204);
    },
  };
}

function memberRoutes(people: People, links: Links): Readonly<Record<MemberRouteName, RouteHandler>> {
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
      const { to, from } = await jsonOf(call);
      const heir = textOf(to, "to", 100);
      const owner = from === undefined ? undefined : textOf(from, "from", 100);
      await people.transfer(personOf(call), organizationOf(call), heir, owner);
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
type SignInWay = "password" | "link" | "passkey" | ProviderId;

/** Who signed in, or the address that was given and refused. */
type SignInAnswer = { readonly person: string; readonly name: string } | { readonly email: string };

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

async function personSignedIn(response: Response): Promise<SignInAnswer> {
  const { user } = (await response.clone().json()) as {
    readonly user: { readonly id: string; readonly name: string };
  };
  return { person: user.id, name: user.name };
}

/** Throws `invitation.required`. */
function invitationTokenOf({ request }: RouteCall): string {
  const token = request.headers[invitationHeader];
  if (typeof token === "string" && token !== "") return token;
  const message = `Send the token of an invitation in the header ${invitationHeader}`;
  throw new HoldfastError("invitation", "required", message, { statusCode: 403 });
}

/** The organization in the path. */
function organizationOf({ params: { organization = "" } }: RouteCall): string {
  return organization;
}

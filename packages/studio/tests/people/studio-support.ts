/** A whole Studio with accounts, and requests to it over HTTP. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ActorConn } from "@holdfast/client";
import { isErrorCode, isHoldfastError } from "@holdfast/core";
import type { Role } from "../../src/access/roles.ts";
import { createStudio, createStudioClient, type Studio, type StudioOptions } from "../../src/index.ts";
import { type Credentials, connectAs } from "../access/people-support.ts";
import { logIn, temporaryFolder } from "../support.ts";

/** A Studio that runs no task, and so proves no jail, unless the options say so. */
export async function start(
  t: TestContext,
  dataDirectory = join(temporaryFolder(t), "data"),
  options: Partial<StudioOptions> = {},
): Promise<Studio> {
  const studio = await createStudio({
    runTasks: false,
    ...options,
    dataDirectory,
    webDirectory: temporaryFolder(t),
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
    people: true,
  });
  t.after(() => studio.close());
  return studio;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly cookies: readonly string[];
}

/** A Studio, in this process or in another one. */
export type Served = Pick<Studio, "url">;

export async function send(
  studio: Served,
  method: string,
  path: string,
  headers: Credentials = {},
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${studio.url}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text.startsWith("{") ? (JSON.parse(text) as Answer["body"]) : {},
    cookies: response.headers.getSetCookie(),
  };
}

export const code = ({ body }: Answer) => `${String(body["group"])}.${String(body["code"])}`;
export const organization = "/people/organizations/local";
export const password = "correct horse battery";

export const credentialsOf = ({ cookies }: Answer): Credentials => ({
  cookie: cookies.map((cookie) => cookie.split(";", 1)[0]).join("; "),
});

export async function asOperator(studio: Studio): Promise<Credentials> {
  return { cookie: await logIn(studio.url, await studio.issueTicket()) };
}

/** Invites and signs up; the rate limit allows three sign-ups at once. */
export async function joinAs(studio: Served, by: Credentials, role: Role, email: string) {
  const invited = await send(studio, "POST", `${organization}/invitations`, by, { role });
  assert.equal(invited.status, 201, JSON.stringify(invited.body));
  const headers = { "x-holdfast-invitation": String(invited.body["token"]) };
  const signUp = { name: email, email, password };
  const answer = await send(studio, "POST", "/people/auth/sign-up/email", headers, signUp);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { id } = answer.body["user"] as { readonly id: string };
  return { id, answer, credentials: credentialsOf(answer) };
}

export async function signIn(studio: Served, email: string): Promise<Credentials> {
  const answer = await send(studio, "POST", "/people/auth/sign-in/email", {}, { email, password });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return credentialsOf(answer);
}

export const listTasks = (t: TestContext, studio: Studio, credentials: Credentials) =>
  createStudioClient(connectAs(t, studio.url, credentials)).organization.listTasks();

/** The code with which an open connection is refused when it has been closed and tries again. */
export function refusalOf(t: TestContext, connection: ActorConn): Promise<string> {
  const refused = Promise.withResolvers<string>();
  const off = connection.onError((error) => {
    if (isHoldfastError(error) && error.group === "auth") refused.resolve(error.code);
  });
  t.after(() => off());
  return refused.promise;
}

export const is = (code: "unauthorized" | "forbidden") => (error: unknown) =>
  isErrorCode(error, "auth", code);

/** Commands about people: members, invitations, API tokens. They ask the running Studio. */
import {
  askControl,
  dataDirectoryOf,
  endLogin,
  exchangeTicket,
  notRunning,
  type OwnerLink,
} from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { Member } from "../../contract/people.ts";
import { findOrganization } from "../server/find-organization.ts";
import { headersOf, organizationOfPerson } from "./as-person.ts";
import { readLogin } from "./login-file.ts";

/** Requests to a running Studio: as its operator, or as the person of `holdfast login`. */
export interface StudioRequests {
  /** Address of the Studio. */
  readonly url: string;
  /** Id of the organization that the command is about. */
  readonly organization: string;
  /** Paths of the routes about it begin with this. */
  readonly organizationPath: string;
  /** Throws the error that the Studio answers. */
  ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Sends or takes a file. Throws the error that the Studio answers. */
  send(method: string, path: string, file?: ReadableStream<Uint8Array>): Promise<Response>;
  /** The member with this e-mail address. Throws `member.not_found`. */
  member(email: string): Promise<Member>;
}

/**
 * Runs `work` as the person of `holdfast login`, or else with the operator's login, which ends afterwards. Throws an error if
 * no server runs on the directory.
 */
export async function withRequests(
  {
    data,
    organization: given,
  }: { readonly data?: string | undefined; readonly organization?: string | undefined },
  work: (studio: StudioRequests) => Promise<number>,
): Promise<number> {
  const login = data === undefined ? await readLogin() : undefined;
  if (login !== undefined) {
    const organization = await organizationOfPerson(login, given);
    return work(requestsOf(login.url, headersOf(login), organization));
  }
  const link = await askControl<OwnerLink>(dataDirectoryOf(data), "/url");
  if (link === undefined) throw notRunning();
  const { url } = link;
  const cookie = await exchangeTicket(url, link.ticket);
  try {
    return await work(requestsOf(url, { cookie }, await findOrganization(url, { cookie }, given)));
  } finally {
    await endLogin(url, cookie);
  }
}

type Headers = Readonly<Record<string, string>>;

function requestsOf(url: string, headers: Headers, organization: string): StudioRequests {
  const ask = <Answer>(method: string, path: string, body?: unknown) =>
    request<Answer>(`${url}${path}`, method, headers, body);
  const send = (method: string, path: string, file?: ReadableStream<Uint8Array>) =>
    sendFile(`${url}${path}`, method, headers, file);
  const organizationPath = `/people/organizations/${organization}`;
  const member = async (email: string) => {
    const { members } = await ask<{ readonly members: readonly Member[] }>(
      "GET",
      `${organizationPath}/members`,
    );
    const found = members.find((each) => each.email.toLowerCase() === email.toLowerCase());
    if (found !== undefined) return found;
    const message = `There is no member with the e-mail address "${email}". List them with: holdfast people list`;
    throw new HoldfastError("member", "not_found", message, { statusCode: 404 });
  };
  return { url, ask, send, member, organization, organizationPath };
}

async function request<Answer>(url: string, method: string, login: Headers, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    // What is sent is for the Studio alone.
    redirect: "error",
    headers: { ...login, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await refusalOf(response);
  const text = await response.text();
  return (text === "" ? {} : JSON.parse(text)) as Answer;
}

async function sendFile(
  url: string,
  method: string,
  login: Headers,
  file: ReadableStream<Uint8Array> | undefined,
): Promise<Response> {
  const body = file && { body: file, duplex: "half" as const };
  const headers = { ...login, ...(file === undefined ? {} : { "content-type": "application/gzip" }) };
  const response = await fetch(url, { method, headers, ...body, redirect: "error" });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response: Response): Promise<HoldfastError> {
  const { group, code, message, detail } = (await response.json()) as Readonly<Record<string, unknown>>;
  return new HoldfastError(String(group), String(code), String(message ?? detail));
}

/** Commands about people: members, invitations, API tokens. They ask the running Studio, as its operator. */
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

/** Requests to the running Studio, with the operator's login. */
export interface OperatorRequests {
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

/** Runs `work` with the operator's login, which ends afterwards. Throws an error if no server runs on the directory. */
export async function asOperator(
  {
    data,
    organization: given,
  }: { readonly data?: string | undefined; readonly organization?: string | undefined },
  work: (operator: OperatorRequests) => Promise<number>,
): Promise<number> {
  const link = await askControl<OwnerLink>(dataDirectoryOf(data), "/url");
  if (link === undefined) throw notRunning();
  const { url } = link;
  const cookie = await exchangeTicket(url, link.ticket);
  const ask = <Answer>(method: string, path: string, body?: unknown) =>
    request<Answer>(`${url}${path}`, method, cookie, body);
  const send = (method: string, path: string, file?: ReadableStream<Uint8Array>) =>
    sendFile(`${url}${path}`, method, cookie, file);
  const organization = await findOrganization(url, cookie, given).catch(async (error: unknown) => {
    await endLogin(url, cookie);
    throw error;
  });
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
  try {
    return await work({ url, ask, send, member, organization, organizationPath });
  } finally {
    await endLogin(url, cookie);
  }
}

async function request<Answer>(url: string, method: string, cookie: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { cookie, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await refusalOf(response);
  const text = await response.text();
  return (text === "" ? {} : JSON.parse(text)) as Answer;
}

async function sendFile(
  url: string,
  method: string,
  cookie: string,
  file: ReadableStream<Uint8Array> | undefined,
): Promise<Response> {
  const body = file && { body: file, duplex: "half" as const };
  const headers = { cookie, ...(file === undefined ? {} : { "content-type": "application/gzip" }) };
  const response = await fetch(url, { method, headers, ...body });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response: Response): Promise<HoldfastError> {
  const { group, code, message, detail } = (await response.json()) as Readonly<Record<string, unknown>>;
  return new HoldfastError(String(group), String(code), String(message ?? detail));
}

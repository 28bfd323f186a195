import { HoldfastError } from "@holdfast/core";
import type { DemoPerson, Member } from "../../contract/people.ts";
import { withRequests } from "../people/studio-requests.ts";

/** Makes each person a member, as people become one: by an invitation, with a password. Those who are stay as they are. */
export async function ensureMembers(directory: string, people: readonly DemoPerson[]): Promise<void> {
  await withRequests({ data: directory }, async ({ url, ask, organizationPath }) => {
    const { members } = await ask<{ readonly members: readonly Member[] }>(
      "GET",
      `${organizationPath}/members`,
    );
    for (const person of people) {
      if (members.some(({ email }) => email === person.email)) continue;
      const invitation = { role: person.role, email: person.email };
      const path = `${organizationPath}/invitations`;
      const { token } = await ask<{ readonly token: string }>("POST", path, invitation);
      await join(url, token, person);
    }
    return 0;
  });
}

async function join(url: string, token: string, { email, name, password }: DemoPerson): Promise<void> {
  const signUp = { "x-holdfast-invitation": token };
  const response = await post(`${url}/people/auth/sign-up/email`, { email, name, password }, signUp);
  if (response.ok) return;
  // An earlier start ended between the account and the membership.
  if (response.status !== 409) throw await refusalOf(response);
  const signedIn = await post(`${url}/people/auth/sign-in/email`, { email, password });
  if (!signedIn.ok) throw await refusalOf(signedIn);
  const cookie = signedIn.headers.getSetCookie().map((each) => each.split(";", 1)[0]);
  const accepted = await post(`${url}/people/accept`, { token }, { cookie: cookie.join("; ") });
  if (!accepted.ok) throw await refusalOf(accepted);
}

function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function refusalOf(response: Response): Promise<HoldfastError> {
  const { group, code, detail } = (await response.json()) as Readonly<Record<string, unknown>>;
  return new HoldfastError(String(group), String(code), String(detail));
}

import {
  askControl,
  dataDirectoryOf,
  endLogin,
  exchangeTicket,
  noArguments,
  notRunning,
  type OwnerLink,
  parse,
  UsageError,
} from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { localOrganization } from "../../access/person.ts";
import { roles } from "../../access/roles.ts";

export const inviteUsage = `holdfast invite [options]

Prints an invitation for one person to sign up at the running Studio, which was started with --people.
It is valid for seven days.

  --role ROLE        viewer, member, admin or owner (default: member)
  --email ADDRESS    only a person with this e-mail address may use it
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             print it as JSON`;

export async function inviteCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { role: { type: "string" }, email: { type: "string" } });
  if (values.help === true) {
    console.log(inviteUsage);
    return 0;
  }
  noArguments(positionals);
  const { role = "member", email } = values;
  if (!roles.some((each) => each === role)) throw new UsageError(`--role is one of ${roles.join(", ")}`);
  const link = await askControl<OwnerLink>(dataDirectoryOf(values.data), "/url");
  if (link === undefined) throw notRunning();
  const cookie = await exchangeTicket(link.url, link.ticket);
  try {
    const response = await fetch(`${link.url}/people/organizations/${localOrganization}/invitations`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json" },
      body: JSON.stringify({ role, ...(email === undefined ? {} : { email }) }),
    });
    const answer = (await response.json()) as Readonly<Record<string, unknown>>;
    if (!response.ok) throw errorOf(answer);
    console.log(
      values.json === true ? JSON.stringify({ url: link.url, ...answer }) : String(answer["token"]),
    );
    return 0;
  } finally {
    await endLogin(link.url, cookie);
  }
}

function errorOf({ group, code, message }: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError(String(group), String(code), String(message));
}

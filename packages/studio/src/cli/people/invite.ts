import { jsonLine, noArguments, parse, UsageError } from "@holdfast/cli";
import { type Role, roles } from "../../access/roles.ts";
import type { Invitation } from "../../contract/people.ts";
import { organizationOption } from "../server/owner.ts";
import { withRequests } from "./studio-requests.ts";

export const inviteUsage = `holdfast invite [options]

Prints the link of an invitation to the running Studio, which was started with --people. One person can sign up
with it, for seven days.

  --role ROLE        viewer, member, admin or owner (default: member)
  --email ADDRESS    only a person with this e-mail address may use it
  --organization ID  an organization besides the first one, by its id or name
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             print it as JSON`;

export async function inviteCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    role: { type: "string" },
    email: { type: "string" },
  });
  if (values.help === true) {
    console.log(inviteUsage);
    return 0;
  }
  noArguments(positionals);
  return invite(values, roleOf(values.role ?? "member"), values.email, values.json === true);
}

/** Throws a {@link UsageError}. */
export function roleOf(text: string): Role {
  const role = roles.find((each) => each === text);
  if (role !== undefined) return role;
  throw new UsageError(`The role is one of ${roles.join(", ")}`);
}

/** Creates an invitation, and prints its link. */
export function invite(
  at: Parameters<typeof withRequests>[0],
  role: Role,
  email: string | undefined,
  json: boolean,
): Promise<number> {
  return withRequests(at, async ({ ask, organizationPath }) => {
    const body = { role, ...(email === undefined ? {} : { email }) };
    const made = await ask<Invitation & { readonly link: string; readonly token: string }>(
      "POST",
      `${organizationPath}/invitations`,
      body,
    );
    console.log(json ? jsonLine(made) : made.link);
    return 0;
  });
}

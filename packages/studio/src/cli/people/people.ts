import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { isErrorCode } from "@holdfast/core";
import type { Invitation, Member } from "../../contract/people.ts";
import { organizationOption } from "../server/owner.ts";
import { invite, roleOf } from "./invite.ts";
import { type StudioRequests, withRequests } from "./studio-requests.ts";

export const peopleUsage = `holdfast people list | invite [--role ROLE] [--email ADDRESS] | role EMAIL ROLE | remove EMAIL

  list              lists members and open invitations
  invite            prints the link of an invitation, which one person can use for seven days
    --role ROLE       viewer, member, admin or owner (default: member)
    --email ADDRESS   only a person with this e-mail address may use it
  role EMAIL ROLE   gives a member another role
  remove EMAIL      removes a member: their pages, terminals and API tokens end, their tasks go on
  --organization ID  an organization besides the first one, by its id or name
  --data DIR        data directory (default: HOLDFAST_DATA or .holdfast)
  --json            machine-readable output

The Studio must run, and was started with --people.`;

export async function peopleCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    role: { type: "string" },
    email: { type: "string" },
  });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(peopleUsage);
    return 0;
  }
  const verb = verbOf("people", ["list", "invite", "role", "remove"], given);
  const json = values.json === true;
  if (verb !== "invite" && (values.role !== undefined || values.email !== undefined))
    throw new UsageError("--role and --email are only for invite");
  switch (verb) {
    case "list":
      noArguments(rest);
      return withRequests(values, (studio) => list(studio, json));
    case "invite":
      noArguments(rest);
      return invite(values, roleOf(values.role ?? "member"), values.email, json);
    case "role": {
      const [email, role, ...more] = rest;
      if (email === undefined || role === undefined || more.length > 0)
        throw new UsageError("The e-mail address and the role are missing: holdfast people role EMAIL ROLE");
      const next = roleOf(role);
      return withRequests(values, async ({ ask, member, organizationPath }) => {
        const { person } = await member(email);
        await ask("PATCH", `${organizationPath}/members/${person}`, { role: next });
        console.log(json ? jsonLine({ person, email, role: next }) : `${harmless(email)} is ${next} now.`);
        return 0;
      });
    }
    case "remove": {
      const [email, ...more] = rest;
      if (email === undefined || more.length > 0)
        throw new UsageError("The e-mail address is missing: holdfast people remove EMAIL");
      return withRequests(values, async ({ ask, member, organizationPath }) => {
        const { person } = await member(email);
        await ask("DELETE", `${organizationPath}/members/${person}`);
        console.log(
          json
            ? jsonLine({ person, email, removed: true })
            : `${harmless(email)} was removed. Their tasks go on.`,
        );
        return 0;
      });
    }
  }
}

async function list({ ask, organizationPath }: StudioRequests, json: boolean): Promise<number> {
  const [{ members }, { invitations }] = await Promise.all([
    ask<{ readonly members: readonly Member[] }>("GET", `${organizationPath}/members`),
    ask<{ readonly invitations: readonly Invitation[] }>("GET", `${organizationPath}/invitations`).catch(
      (error: unknown) => {
        // Invitations are for admins, and members for everybody.
        if (isErrorCode(error, "auth", "forbidden")) return { invitations: [] };
        throw error;
      },
    ),
  ]);
  if (json) {
    for (const member of members) console.log(jsonLine({ type: "member", ...member }));
    for (const invitation of invitations) console.log(jsonLine({ type: "invitation", ...invitation }));
    return 0;
  }
  for (const { role, email, name, seenAt } of members) {
    const seen = seenAt === null ? "not seen yet" : `seen ${new Date(seenAt).toISOString().slice(0, 16)}Z`;
    console.log(`${role.padEnd(7)}  ${harmless(email)}  ${harmless(name)}  ${seen}`);
  }
  for (const { role, email, expiresAt } of invitations)
    console.log(
      `${role.padEnd(7)}  ${email === null ? "anyone with the link" : harmless(email)}  invited until ${new Date(expiresAt).toISOString().slice(0, 16)}Z`,
    );
  if (members.length + invitations.length === 0)
    console.log("There is nobody yet. Invite the first owner: holdfast people invite --role owner");
  return 0;
}

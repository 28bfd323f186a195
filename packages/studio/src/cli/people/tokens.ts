import {
  countOf,
  harmless,
  jsonLine,
  noArguments,
  oneArgument,
  parse,
  required,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { type ApiToken, tokenScopes } from "../../contract/people.ts";
import { organizationOption } from "../server/owner.ts";
import { withRequests } from "./studio-requests.ts";

export const tokensUsage = `holdfast tokens create --for EMAIL --name NAME [options] | list --for EMAIL | revoke ID --for EMAIL

API tokens of a member, for programs that act as that person. The Studio must run, and was started with --people.

  create            prints a new token, once
    --name NAME       what it is for
    --scope SCOPE     read (as a viewer, the default), write (as a member, who does not answer
                      approvals) or all (as the person)
    --days DAYS       days until it expires, at most 366 (default: 90)
  list              lists the tokens, without their text
  revoke ID         refuses a token from now on
  --for EMAIL       e-mail address of the member
  --organization ID an organization besides the first one, by its id or name
  --data DIR        data directory (default: HOLDFAST_DATA or .holdfast)
  --json            machine-readable output`;

export async function tokensCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    for: { type: "string" },
    name: { type: "string" },
    scope: { type: "string" },
    days: { type: "string" },
  });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(tokensUsage);
    return 0;
  }
  const verb = verbOf("tokens", ["create", "list", "revoke"], given);
  const email = required(values.for, "--for");
  const { name, scope = "read" } = values;
  const json = values.json === true;
  if (verb === "create") {
    if (name === undefined) throw new UsageError("--name is missing");
    if (!tokenScopes.some((each) => each === scope))
      throw new UsageError(`--scope is one of ${tokenScopes.join(", ")}`);
  }
  const id = verb === "revoke" ? oneArgument(rest, "The id of the token") : undefined;
  if (id === undefined) noArguments(rest);
  const days = countOf(values.days, "--days");
  return withRequests(values, async ({ ask, member }) => {
    const path = `/people/accounts/${(await member(email)).person}/tokens`;
    switch (verb) {
      case "create": {
        const body = { name, scope, ...(days === undefined ? {} : { days }) };
        const made = await ask<ApiToken & { readonly token: string }>("POST", path, body);
        console.log(json ? jsonLine(made) : made.token);
        return 0;
      }
      case "list": {
        const { tokens } = await ask<{ readonly tokens: readonly ApiToken[] }>("GET", path);
        for (const token of tokens) {
          const until = new Date(token.expiresAt).toISOString().slice(0, 10);
          console.log(
            json
              ? jsonLine(token)
              : `${token.id}  ${token.scope.padEnd(5)}  until ${until}  ${harmless(token.name)}`,
          );
        }
        if (tokens.length === 0 && !json) console.log("There are no tokens.");
        return 0;
      }
      case "revoke":
        await ask("DELETE", `${path}/${encodeURIComponent(id ?? "")}`);
        console.log(json ? jsonLine({ id, revoked: true }) : "The token was revoked.");
        return 0;
    }
  });
}

import {
  dataDirectoryOf,
  noArguments,
  oneArgument,
  parse,
  prepareDataDirectory,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import type { Grant, SecretEntry } from "@holdfast/gate";
import { vaultOf } from "./gate-of.ts";
import { ownerName, toOwner } from "./secrets.ts";

export const grantsUsage = `holdfast grants add --secret NAME --host HOST [options] | list | remove ID

  add                  allows a principal to use a secret for certain requests
    --secret NAME        a secret of "holdfast secrets list"
    --host HOST          the host, with its port unless it is the default one
    --path PREFIX        path prefix, in complete segments (default: /)
    --methods LIST       for example GET,POST (default: GET)
    --for KIND=NAME      session, agent, user or organization; if repeated, all must match
    --expires WHEN       a time (2026-12-31T12:00:00Z), or a duration: 30m, 12h, 7d
    --user, --organization NAME   owner of the secret (default: the host)
  list                 lists the active grants
  remove ID            revokes a grant immediately
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output

It can be used while a server runs. Changes apply to the next request.`;

const options = {
  secret: { type: "string" },
  host: { type: "string" },
  path: { type: "string" },
  methods: { type: "string" },
  for: { type: "string", multiple: true },
  expires: { type: "string" },
  user: { type: "string" },
  organization: { type: "string" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

export async function grantsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(grantsUsage);
    return 0;
  }
  const dataDirectory = dataDirectoryOf(values.data);
  const json = values.json === true;
  switch (verbOf("grants", ["add", "list", "remove"], verb)) {
    case "add": {
      noArguments(rest);
      const request = parseGrant(values);
      await prepareDataDirectory(dataDirectory);
      const vault = vaultOf(dataDirectory);
      print(await vault.grant(request), json);
      warnIfMissing(request, await vault.secretEntries());
      return 0;
    }
    case "list":
      noArguments(rest);
      return list(await vaultOf(dataDirectory).grants(), json);
    case "remove": {
      const id = oneArgument(rest, "The id of the grant");
      const removed = await vaultOf(dataDirectory).revoke(id);
      if (json) console.log(JSON.stringify({ id, removed }));
      else console.log(removed ? "The grant was revoked." : "There is no such grant.");
      return removed ? 0 : 1;
    }
  }
}

function list(grants: readonly Grant[], json: boolean): number {
  for (const grant of grants) print(grant, json);
  if (grants.length === 0 && !json) console.log("There are no grants.");
  return 0;
}

/** Warns about a grant for a missing secret. The order is free, but a misspelled name would silently grant nothing. */
function warnIfMissing({ secret: name, owner }: Omit<Grant, "id">, entries: readonly SecretEntry[]): void {
  const exists = entries.some(
    (entry) =>
      entry.name === name &&
      entry.owner.user === owner.user &&
      entry.owner.organization === owner.organization,
  );
  if (exists) return;
  process.stderr.write(
    `The secret ${name} (${ownerName(owner)}) does not exist yet. The grant has no effect until "holdfast secrets set" stores it.\n`,
  );
}

function parseGrant(values: Values): Omit<Grant, "id"> {
  const { secret, host, path = "/", methods = "GET", expires } = values;
  if (secret === undefined) throw new UsageError("--secret is missing");
  if (host === undefined) throw new UsageError("--host is missing");
  return {
    principal: parsePrincipal(values.for ?? []),
    secret,
    owner: toOwner(values.user, values.organization),
    host: host.toLowerCase(),
    pathPrefix: path,
    methods: methods
      .toUpperCase()
      .split(",")
      .map((each) => each.trim()),
    ...(expires === undefined ? {} : { expiresAt: parseExpiry(expires, Date.now()) }),
  };
}

function parsePrincipal(pairs: readonly string[]): Grant["principal"] {
  const principal: { session?: string; agent?: string; user?: string; organization?: string } = {};
  for (const pair of pairs) {
    const [kind, ...parts] = pair.split("=");
    const name = parts.join("=");
    if ((kind !== "session" && kind !== "agent" && kind !== "user" && kind !== "organization") || name === "")
      throw new UsageError(
        `--for must name a session, agent, user or organization, for example user=ada: ${pair}`,
      );
    principal[kind] = name;
  }
  if (pairs.length === 0)
    throw new UsageError("--for is missing: name who may use the secret, for example --for agent=claude");
  return principal;
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseExpiry(text: string, now: number): number {
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const at = count === undefined ? Date.parse(text) : now + Number(count) * (units[unit] ?? 0);
  if (!(at > now))
    throw new UsageError(`--expires must be a future time, or a duration such as 30m, 12h or 7d: ${text}`);
  return at;
}

function print(grant: Grant, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(grant));
    return;
  }
  const { id, principal, secret, owner, host, pathPrefix, methods, expiresAt } = grant;
  const who = Object.entries(principal).map(([kind, name]) => `${kind}=${name}`);
  const until = expiresAt === undefined ? "" : ` until ${new Date(expiresAt).toISOString()}`;
  console.log(
    `${id}  ${who.join(" ")} may use ${secret} (${ownerName(owner)}) for ${methods.join(",")} ${host}${pathPrefix}${until}`,
  );
}

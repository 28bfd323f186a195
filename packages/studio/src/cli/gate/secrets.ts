import {
  dataDirectoryOf,
  noArguments,
  oneArgument,
  parse,
  prepareDataDirectory,
  verbOf,
} from "@holdfast/cli";
import type { SecretEntry, SecretOwner } from "@holdfast/gate";
import { vaultOf } from "./gate-of.ts";
import { readSecret } from "./secret-input.ts";

export const secretsUsage = `holdfast secrets set NAME | list | remove NAME

  set NAME             stores a secret, encrypted; its value is read from standard input and never shown.
                       It cannot be used without a grant (holdfast grants add)
  list                 lists the names and owners of the secrets
  remove NAME          deletes a secret; its grants stay, without effect
  --user NAME          the owner is this user
  --organization NAME  the owner is this organisation
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output

It can be used while a server runs. A new value applies to the next request.`;

/** Owner of a secret, from the command's options. */
export function toOwner(user: string | undefined, organization: string | undefined): SecretOwner {
  return {
    ...(user === undefined ? {} : { user }),
    ...(organization === undefined ? {} : { organization }),
  };
}

export async function secretsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    user: { type: "string" },
    organization: { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(secretsUsage);
    return 0;
  }
  const dataDirectory = dataDirectoryOf(values.data);
  const owner = toOwner(values.user, values.organization);
  const json = values.json === true;
  switch (verbOf("secrets", ["set", "list", "remove"], verb)) {
    case "set": {
      const name = oneArgument(rest, "The name of the secret");
      await prepareDataDirectory(dataDirectory);
      await vaultOf(dataDirectory).setSecret({ name, owner }, await readSecret(`${name}: `));
      console.log(json ? JSON.stringify({ name, owner, stored: true }) : "The secret is stored.");
      return 0;
    }
    case "list":
      noArguments(rest);
      return list(await vaultOf(dataDirectory).secretEntries(), json);
    case "remove": {
      const name = oneArgument(rest, "The name of the secret");
      const removed = await vaultOf(dataDirectory).deleteSecret({ name, owner });
      if (json) console.log(JSON.stringify({ name, owner, removed }));
      else console.log(removed ? "The secret was deleted." : "There is no such secret.");
      return removed ? 0 : 1;
    }
  }
}

function list(entries: readonly SecretEntry[], json: boolean): number {
  for (const entry of entries)
    console.log(json ? JSON.stringify(entry) : `${entry.name.padEnd(24)} ${ownerName(entry.owner)}`);
  if (entries.length === 0 && !json) console.log("There are no secrets.");
  return 0;
}

export function ownerName({ user, organization }: SecretOwner): string {
  const parts = [
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(organization === undefined ? [] : [`organization ${organization}`]),
  ];
  return parts.length === 0 ? "of the host" : parts.join(", ");
}

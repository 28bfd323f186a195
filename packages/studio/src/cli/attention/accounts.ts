/** `holdfast accounts`: accounts of people at forges, whose review requests and mentions come into their inboxes. */
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { StudioClient } from "@holdfast/studio";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";

const forPerson = {
  for: {
    type: "string",
    value: "PERSON",
    description: "id of a member, as the list has it (default: you)",
  },
} as const;

export const accountsCommand = commandOfVerbs({
  name: "accounts",
  intro: "Accounts of people at forges: reviews that are requested from them come into the inbox.",
  verbs: {
    list: verb({
      description: "lists them, and how each was proven",
      async run({ client, json }) {
        const accounts = await client.attention.forgeAccounts();
        for (const account of accounts) {
          const { login, server, person, proof } = account;
          console.log(json ? jsonLine(account) : `${harmless(login)}  ${server}  ${person}  (${proof})`);
        }
        if (accounts.length === 0 && !json) console.log("No account is linked.");
      },
    }),
    set: verb({
      arguments: "REPOSITORY [LOGIN]",
      description: "says which account at the forge of a repository a person has",
      options: { ...forPerson, none: { type: "boolean", description: "they have none any more" } },
      check([, login], { none = false }) {
        if ((login === undefined) !== none) throw new UsageError("Give a LOGIN, or --none");
      },
      async run({ client, args: [name = "", login = ""], values, print }) {
        const person = values.for ?? (await client.organization.me()).id;
        const input = {
          person,
          repository: await repositoryOf(client, name),
          login: values.none === true ? null : login,
        };
        await client.attention.setForgeAccount(input);
        print(input, values.none === true ? "Removed." : "Set.");
      },
    }),
    link: verb({
      arguments: "REPOSITORY LOGIN",
      description: "prints a code, which proves an account that writes it as a comment in the repository",
      async run({ client, args: [name = "", login = ""], print }) {
        const input = { repository: await repositoryOf(client, name), login };
        const link = await client.attention.beginAccountLink(input);
        print(link, link.code);
      },
    }),
    confirm: verb({
      description: "looks for that comment, and links the account",
      async run({ client, print }) {
        const account = await client.attention.confirmAccountLink();
        print(account, `Linked ${harmless(account.login)}.`);
      },
    }),
    remove: verb({
      arguments: "SERVER",
      description: "removes your account at a server, named as in the list",
      check([server = ""]) {
        if (!URL.canParse(server)) throw new UsageError("SERVER is an address, as in the list");
      },
      async run({ client, args: [server = ""], print }) {
        await client.attention.unlinkForgeAccount(server);
        print({ server, removed: true }, "Removed.");
      },
    }),
  },
});

/** The id of a connected repository. Throws `repository.not_connected`. */
async function repositoryOf(client: StudioClient, name: string): Promise<string> {
  const found = (await client.organization.listRepositories()).find(
    (each) => each.id === name || each.name.toLowerCase() === name.toLowerCase(),
  );
  if (found !== undefined) return found.id;
  const message = `There is no connected repository ${name}. List them with: holdfast repositories`;
  throw new HoldfastError("repository", "not_connected", message, { statusCode: 404 });
}

/** `holdfast sign-in`: accounts elsewhere with which people sign in. */
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import { type SignInProviderId, type SignInProviderView, signInProviderIds } from "../../contract/people.ts";
import { readSecret } from "../gate/secret-input.ts";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";

export const signInCommand = commandOfVerbs({
  name: "sign-in",
  default: "list",
  intro: "Accounts elsewhere with which people sign in. Changes are in force at once.",
  verbs: {
    list: verb({
      description: "lists the providers, what decides about each, and the domains that may join",
      async run({ client, json }) {
        const view = await client.administration.signIn();
        if (json) return console.log(jsonLine(view));
        for (const each of view.providers) console.log(harmless(textOf(each)));
        const domains = view.domains.length === 0 ? "none" : view.domains.join(", ");
        console.log(harmless(`Domains that join without an invitation: ${domains} (${view.domainsSource})`));
      },
    }),
    set: verb({
      arguments: "PROVIDER",
      description: "sets up github or oidc; reads the client's secret from standard input",
      options: {
        "client-id": { type: "string", value: "ID", description: "as the provider gave it" },
        url: { type: "string", value: "URL", description: "of GitHub Enterprise Server" },
        issuer: { type: "string", value: "URL", description: "of an OpenID Connect server" },
        name: { type: "string", value: "NAME", description: "on the sign-in button, for OpenID Connect" },
        "keep-secret": { type: "boolean", description: "the secret stays as it is" },
      },
      check([provider], values) {
        providerOf(provider);
        if (values["client-id"] === undefined) throw new UsageError("--client-id is missing");
      },
      async run({ client, args: [provider], values, print }) {
        const id = providerOf(provider);
        const { url, issuer, name } = values;
        const secret =
          values["keep-secret"] === true ? undefined : await readSecret("Secret of the client: ");
        await client.administration.saveSignInProvider({
          ...{ id, clientId: values["client-id"] ?? "" },
          ...(secret === undefined ? {} : { clientSecret: secret }),
          ...(url === undefined ? {} : { url }),
          ...(issuer === undefined ? {} : { issuer }),
          ...(name === undefined ? {} : { name }),
        });
        print({ id, saved: true }, `Saved. Try it with: holdfast sign-in check ${id}`);
      },
    }),
    check: verb({
      arguments: "PROVIDER",
      description: "asks the provider now; exit code 1 if it does not work",
      check: ([provider]) => void providerOf(provider),
      async run({ client, args: [provider], json }) {
        const id = providerOf(provider);
        const check = await client.administration.checkConnection(`sign-in/${id}`);
        const words = check.isWorking ? "works" : "DOES NOT WORK";
        console.log(json ? jsonLine(check) : harmless(`${id}  ${words}: ${check.detail}`));
        return check.isWorking ? 0 : 1;
      },
    }),
    remove: verb({
      arguments: "PROVIDER",
      description: "nobody signs in with it any more, and its secret is deleted; accounts stay",
      check: ([provider]) => void providerOf(provider),
      async run({ client, args: [provider], print }) {
        const id = providerOf(provider);
        await client.administration.removeSignInProvider(id);
        print({ id, removed: true }, "Removed.");
      },
    }),
    domains: verb({
      arguments: "[DOMAIN...]",
      description: "who may join without an invitation, by verified addresses; none without domains",
      async run({ client, args, print }) {
        await client.administration.saveSignInDomains(args);
        print({ domains: args }, args.length === 0 ? "Nobody joins by a domain." : "Saved.");
      },
    }),
  },
});

/** Throws a `UsageError`. */
function providerOf(text: string | undefined): SignInProviderId {
  const found = signInProviderIds.find((id) => id === text);
  if (found !== undefined) return found;
  throw new UsageError(`The provider is one of ${signInProviderIds.join(", ")}`);
}

function textOf({
  id,
  name,
  source,
  clientId,
  url,
  issuer,
  hasSecret,
  redirectUrl,
}: SignInProviderView): string {
  if (source === "none") return `${id}  not set up; it comes back to ${redirectUrl}`;
  const place = issuer ?? url ?? "https://github.com";
  const secret = hasSecret ? "" : "; ITS SECRET IS MISSING";
  return `${id}  ${name}: client ${clientId ?? ""} at ${place}, by the ${source}${secret}; it comes back to ${redirectUrl}`;
}

/** `holdfast login`, `whoami` and `logout`: commands act as a person instead of as the operator. */
import { dataDirectoryOf, harmless, jsonLine, noArguments, oneArgument, parse } from "@holdfast/cli";
import type { Profile } from "../../contract/people.ts";
import { readSecret } from "../gate/secret-input.ts";
import { profileOf } from "./as-person.ts";
import { loginPath, readLogin, removeLogin, requireStudioUrl, writeLogin } from "./login-file.ts";

export const loginUsage = `holdfast login URL [--token TOKEN]

From now on, commands that ask a Studio act as you, with the rights of your account and the scope of the
token. Create an API token on the page Account of the Studio. Without --token it is read from standard
input, where other users do not see it. It is kept in a file that only you can read.

  --token TOKEN  an API token of yours (default: HOLDFAST_API_TOKEN, or else it is asked for)
  --json         machine-readable output

--data DIR before a command still means the operator of that data directory. HOLDFAST_URL with
HOLDFAST_API_TOKEN in the environment are a login without a file.`;

export const whoamiUsage = `holdfast whoami

Prints as whom commands act: the person of holdfast login, or the operator of the data directory.

  --data DIR     data directory (default: HOLDFAST_DATA or .holdfast)
  --json         machine-readable output`;

export const logoutUsage = `holdfast logout

Forgets the token of holdfast login. It works elsewhere until it expires, or you revoke it on the page Account.

  --json         machine-readable output`;

export async function loginCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { token: { type: "string" } });
  if (values.help === true) {
    console.log(loginUsage);
    return 0;
  }
  const url = requireStudioUrl(oneArgument(positionals, "The address of the Studio"));
  const given = values.token ?? (process.env["HOLDFAST_API_TOKEN"] || undefined);
  const token = given ?? (await readSecret(`API token for ${url}: `));
  const profile = await profileOf({ url, token });
  await writeLogin({ url, token });
  if (values.json === true) console.log(jsonLine(identityOf(url, profile)));
  else console.log(`Commands act as ${textOf(profile)} at ${url} now. Back to the operator: holdfast logout`);
  return 0;
}

export async function whoamiCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(whoamiUsage);
    return 0;
  }
  noArguments(positionals);
  const login = values.data === undefined ? await readLogin() : undefined;
  if (login === undefined) {
    const data = dataDirectoryOf(values.data);
    console.log(values.json === true ? jsonLine({ isOperator: true, data }) : `The operator of ${data}`);
    return 0;
  }
  const profile = await profileOf(login);
  if (values.json === true) console.log(jsonLine(identityOf(login.url, profile)));
  else {
    console.log(`${textOf(profile)} at ${login.url}`);
    for (const { id, role } of profile.organizations) console.log(`  ${role} of the organization ${id}`);
  }
  return 0;
}

export async function logoutCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(logoutUsage);
    return 0;
  }
  noArguments(positionals);
  const wasThere = await removeLogin();
  const text = wasThere
    ? "The token is forgotten. It works elsewhere until you revoke it on the page Account."
    : `There is no login in ${loginPath()}.`;
  console.log(values.json === true ? jsonLine({ wasLoggedIn: wasThere }) : text);
  return 0;
}

function identityOf(url: string, { id, name, email, organizations, tokenScope }: Profile) {
  return { url, id, name, email, organizations, scope: tokenScope };
}

function textOf({ name, email, id, tokenScope }: Profile): string {
  const scope = tokenScope === undefined ? "" : `, with the scope "${tokenScope}"`;
  return `${harmless(name ?? id)}${email === null ? "" : ` (${harmless(email)})`}${scope}`;
}

/** Addresses of repositories as people copy them from a browser: which forge it is, and where its API is. */

import { readSshAddress } from "./ssh-address.ts";

export type AddressKind = "github" | "gitlab" | "gitea" | "git";

export interface RepositoryAddress {
  /** HTTPS or SSH address for git, as it was given, without a slash at its end. */
  readonly url: string;
  /** The forge that the address looks like; "git" for any other server. */
  readonly guess: AddressKind;
  /** Owner and name with a slash between; more parts in groups of GitLab. */
  readonly fullName: string;
  /** Base of the API of each forge at this server. */
  readonly apiUrls: Readonly<Record<Exclude<AddressKind, "git">, string>>;
}

const knownHosts: Readonly<Record<string, AddressKind>> = {
  "github.com": "github",
  "gitlab.com": "gitlab",
  "gitea.com": "gitea",
  "codeberg.org": "gitea",
};

/** Why an address cannot be used, with the next step; undefined for one that can. */
export function addressProblem(text: string): string | undefined {
  const typed = text.trim();
  if (readSshAddress(typed) !== undefined) return undefined;
  if (/^ssh:/.test(typed) || /^[\w.-]+@[\w.-]+:/.test(typed))
    return "An address over SSH has a user, a server and a path: git@example.com:team/app, or ssh://git@example.com:2222/team/app.";
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  if (url === undefined)
    return "Enter the address of a repository, for example https://github.com/owner/name.";
  if (url.username !== "" || url.password !== "")
    return "The address has a user or a password in it. Leave them out, and enter the token in its own field.";
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal))
    return "The address must begin with https://, so that the token is not sent in clear text.";
  if (url.search !== "" || url.hash !== "") return "Leave out what follows ? or # in the address.";
  if (url.pathname.replace(/\/+$/, "") === "")
    return "The address has no repository in it. Copy the address of the repository's page.";
  return undefined;
}

/** Reads an address for which {@link addressProblem} finds nothing. */
export function readAddress(text: string): RepositoryAddress {
  const ssh = readSshAddress(text);
  if (ssh !== undefined)
    return { url: ssh.url, guess: "git", fullName: ssh.path, apiUrls: { github: "", gitlab: "", gitea: "" } };
  const { origin, hostname, pathname } = new URL(text.trim());
  const path = pathname.replace(/\/+$/, "");
  return {
    url: origin + path,
    guess: guessOf(hostname),
    fullName: path.replace(/^\/+/, "").replace(/\.git$/, ""),
    apiUrls: {
      github: hostname === "github.com" ? "https://api.github.com" : `${origin}/api/v3`,
      gitlab: `${origin}/api/v4`,
      gitea: `${origin}/api/v1`,
    },
  };
}

function guessOf(hostname: string): AddressKind {
  const known = knownHosts[hostname];
  if (known !== undefined) return known;
  if (/github/.test(hostname)) return "github";
  if (/gitlab/.test(hostname)) return "gitlab";
  return /gitea|forgejo/.test(hostname) ? "gitea" : "git";
}

import type { Git } from "./git.ts";

/** Addresses of the remotes of a user's repository: `origin` first, then by name. */
export async function remotesOf(git: Git, repository: string): Promise<readonly string[]> {
  const found = await git.status(["-C", repository, "config", "-z", "--get-regexp", "^remote\\..*\\.url$"]);
  // Git has written the name, a line feed and the value of each.
  const remotes = found.stdout
    .toString("utf8")
    .split("\0")
    .filter((entry) => entry.includes("\n"))
    .map((entry) => {
      const end = entry.indexOf("\n");
      return { name: entry.slice("remote.".length, end - ".url".length), url: entry.slice(end + 1) };
    });
  const rank = ({ name }: { readonly name: string }) => (name === "origin" ? "" : name);
  return remotes.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).map(({ url }) => url);
}

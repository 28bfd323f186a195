import type { GitHubEmulator } from "../github/emulator.ts";
import { lighthouse } from "./content/lighthouse.ts";
import { tides } from "./content/tides.ts";
import { gitAuthor } from "./people.ts";

/** The first content of the demo team's forge: two repositories, three pull requests, comments, the App. */
export async function seed(github: GitHubEmulator): Promise<void> {
  const { accounts } = github;
  for (const login of ["ada", "grace"]) accounts.personalToken(login);
  for (const { name, files, pulls } of [tides, lighthouse]) {
    const repository = await github.addRepository(name, files, gitAuthor("ada"));
    for (const { branch, title, body, author, files: changed, comments } of pulls) {
      await repository.bare.commit(branch, changed, title, "main", gitAuthor(author));
      const pull = await repository.createPullRequest({
        ...{ title, body, head: branch, base: "main", author: accounts.user(author) },
      });
      for (const { author: login, ...comment } of comments)
        repository.addComment({
          ...{ ...comment, number: pull.number, author: accounts.user(login), commit: pull.headCommit },
        });
    }
  }
  accounts.install("harbor", [tides.name, lighthouse.name]);
}

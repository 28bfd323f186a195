import type { HostedPullRequest, HostedRepository } from "../forge-server/repository.ts";
import type { Accounts } from "../github/accounts.ts";

/** What Grace has to say about a change, once for each pull request. */
interface Remark {
  /** A file that the pull request changes, and a text in it. */
  readonly path: string;
  readonly about: string;
  readonly body: string;
}

const remarks: readonly Remark[] = [
  {
    path: "src/duration.ts",
    about: '.join(" ").trim()',
    body: "A day and five minutes has two spaces now, I think: `1 d  5 min`. Please add a test for it.",
  },
];

/** Name of the status by which Grace approves. */
export const approval = "review/grace";

/**
 * The second person of the demo team at the forge. Reviews the pull requests of agents when their checks have ended: she
 * asks for a change where she has one to ask for, and approves what passes.
 */
export class Reviewer {
  readonly #accounts: Accounts;

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  async review(repository: HostedRepository, pull: HostedPullRequest): Promise<void> {
    if (!pull.author.login.endsWith("[bot]") || pull.state !== "open") return;
    const { headCommit: commit, number } = pull;
    const author = this.#accounts.user("grace");
    const found = await remarkOn(repository, commit);
    const isSaid = repository.comments.some(
      (comment) => comment.number === number && comment.body === found?.remark.body,
    );
    if (found !== undefined && !isSaid) {
      const { path, body } = found.remark;
      repository.addComment({ number, author, path, line: found.line, commit, body });
    }
    const checks = repository.checks.filter((check) => check.commit === commit && check.name !== approval);
    const isGood = found === undefined && checks.every(({ conclusion }) => conclusion === "success");
    repository.setCheck(approval, commit, isGood ? "success" : null, { isStatus: true });
  }
}

async function remarkOn(
  repository: HostedRepository,
  commit: string,
): Promise<{ readonly remark: Remark; readonly line: number } | undefined> {
  for (const remark of remarks) {
    const text = await repository.bare.git(["show", `${commit}:${remark.path}`]).catch(() => "");
    const line = text.split("\n").findIndex((each) => each.includes(remark.about)) + 1;
    if (line > 0) return { remark, line };
  }
  return undefined;
}

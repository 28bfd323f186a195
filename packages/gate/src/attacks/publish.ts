import { gitUpstream } from "../egress/services/git.ts";
import { npmUpstream } from "../egress/services/npm.ts";
import type { Attack, AttackFinding } from "./attack.ts";
import type { Answers, AttackLab } from "./lab/lab.ts";
import { prelude, summary, withEgress } from "./network.ts";

/** "METHOD path" of a request. */
type Call = readonly [method: string, path: string];

/** A jail that may read makes requests that write, and one that it may: what came of them, and what arrived. */
async function tryToWrite(
  lab: AttackLab,
  writes: readonly Call[],
  read: Call,
  upstreams: NonNullable<Parameters<typeof withEgress>[2]>["upstreams"],
): Promise<AttackFinding> {
  const before = lab.upstream.reached.length;
  const answers: Answers = await withEgress(
    lab,
    `${prelude} const answers = {};
    for (const [method, path] of ${JSON.stringify(writes)}) answers[method + path] = await ask({ method, path }, /^P/.test(method) ? "loot" : "");
    const [method, path] = ${JSON.stringify(read)};
    answers.read = await ask({ method, path });
    say(answers);`,
    { upstreams: upstreams ?? [] },
  );
  const { read: allowed, ...bad } = answers;
  const arrived = lab.upstream.reached.slice(before);
  return {
    stopped: Object.values(bad).every((each) => /^4\d\d /.test(each)) && arrived.length === 1,
    observed: `${summary(bad)}; ${arrived.length} of ${writes.length + 1} requests reached the host`,
    control: { worked: allowed?.startsWith("200") === true, observed: "what may be read is" },
  };
}

/** What an allowed host would take from anybody who has the right: the host's own, which the proxy presents. */
export const publishAttacks: readonly Attack[] = [
  {
    id: "network.git_push",
    group: "network",
    attempt: "push to a git repository that may only be read, to others of the same host, to a longer name",
    must: "refused, though the proxy has a token that could",
    layer: "egress proxy: two paths and one service for each repository",
    run: (lab) => {
      const credential = { kind: "basic", username: "x-access-token", value: "attack-git-token" } as const;
      const repositories = [
        { path: "acme/read", credential },
        { path: "acme/app", push: true, credential },
      ];
      const push = (repository: string): Call[] => [
        ["GET", `/git/${repository}/info/refs?service=git-receive-pack`],
        ["POST", `/git/${repository}/git-receive-pack`],
      ];
      return tryToWrite(
        lab,
        [
          ...push("acme/read"),
          ...push("acme/read.git"),
          ...push("evil/loot"),
          ...push("acme/app-evil"),
          ...push("acme/app/../../evil/loot"),
          ...push("acme%2fapp%2f..%2fread"),
          ["GET", "/git/acme/read/info/refs?service=git-upload-pack&service=git-receive-pack"],
          ["POST", "/git/api/v3/gists"],
        ],
        ["GET", "/git/acme/read/info/refs?service=git-upload-pack"],
        [gitUpstream({ name: "git", baseUrl: lab.upstream.url, repositories })],
      );
    },
  },
  {
    id: "network.npm_publish",
    group: "network",
    attempt: "publish to the npm registry: a package, a tag, an owner, a login, a token; take one back",
    must: "refused, though the proxy has a token that could",
    layer: "egress proxy: a registry is only read",
    run: (lab) =>
      tryToWrite(
        lab,
        [
          ["PUT", "/npm/loot"],
          ["PUT", "/npm/@acme%2floot"],
          ["PUT", "/npm/-/package/loot/dist-tags/latest"],
          ["PUT", "/npm/-/user/org.couchdb.user:agent"],
          ["POST", "/npm/-/v1/login"],
          ["POST", "/npm/-/npm/v1/tokens"],
          ["DELETE", "/npm/loot/-rev/1"],
          // Whose token it is, and what else that person has there.
          ["GET", "/npm/-/whoami"],
          ["GET", "/npm/-/npm/v1/user"],
          ["GET", "/npm/%2d/npm/v1/tokens"],
        ],
        ["GET", "/npm/loot"],
        [npmUpstream({ url: `${lab.upstream.url}/`, token: "attack-npm-token" })],
      ),
  },
];

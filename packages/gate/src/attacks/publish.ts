import { gitUpstream } from "../egress/services/git.ts";
import { npmUpstream } from "../egress/services/npm.ts";
import type { Attack, AttackFinding } from "./attack.ts";
import type { Answers, AttackLab } from "./lab/lab.ts";
import { prelude, summary, withEgress } from "./network.ts";

/** "METHOD path" of a request. */
type Call = readonly [method: string, path: string];

/** Makes writing requests and one allowed read from a jail that may only read. */
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
    control: { worked: allowed?.startsWith("200") === true, observed: "an allowed read succeeds" },
  };
}

/** Attempts to publish to an allowed host with the credential that the proxy presents. */
export const publishAttacks: readonly Attack[] = [
  {
    id: "network.git_push",
    group: "network",
    attempt: "push to a read-only git repository, to others on the same host, to a name with the same prefix",
    must: "refused, although the proxy's token would allow it",
    layer: "egress proxy: two paths and one service per repository",
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
    attempt: "publish to the npm registry: a package, a tag, an owner, a login, a token; unpublish",
    must: "refused, although the proxy's token would allow it",
    layer: "egress proxy: registries are read-only",
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
          // Identity of the token's owner, and their other data.
          ["GET", "/npm/-/whoami"],
          ["GET", "/npm/-/npm/v1/user"],
          ["GET", "/npm/%2d/npm/v1/tokens"],
        ],
        ["GET", "/npm/loot"],
        [npmUpstream({ url: `${lab.upstream.url}/`, token: "attack-npm-token" })],
      ),
  },
];

import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { ForgeSource } from "../repositories/contract.ts";
import { type CallContext, findTarget } from "./target.ts";

function source(forge: ForgeSource["forge"], apiUrl: string, fullName: string): ForgeSource {
  return { kind: "forge", forge, apiUrl, fullName, credential: { kind: "token", secret: "forge" } };
}

const connected: Readonly<Record<string, ForgeSource>> = {
  github: source("github", "https://api.github.com", "Team/App"),
  enterprise: source("github", "https://git.example.com/api/v3", "team/app"),
  gitlab: source("gitlab", "https://lab.example.com/code/api/v4", "group/sub/app"),
  gitea: source("gitea", "http://127.0.0.1:3000/api/v1", "team/app"),
};

const context: CallContext = {
  client: () => ({
    get: (_actor, [id = ""]) => ({
      action: async <Result>({ name }: { readonly name: string }) => {
        const list = Object.entries(connected).map(([key, { fullName, forge }]) => ({
          ...{ id: key, name: fullName, kind: forge },
        }));
        return (name === "listRepositories" ? list : { source: connected[id] }) as Result;
      },
    }),
  }),
};

test("a remote leads to the connected repository at its server, however its address is written", async () => {
  const addresses: Readonly<Record<string, readonly string[]>> = {
    github: [
      ...[
        "https://github.com/team/app.git",
        "https://ada@github.com/Team/App/",
        "git@github.com:team/app.git",
      ],
      ...["ssh://git@github.com/team/app", "ssh://git@ssh.github.com:443/team/app.git"],
    ],
    enterprise: ["https://git.example.com/team/app", "git@git.example.com:team/app.git"],
    gitlab: [
      "https://lab.example.com/code/group/sub/app.git",
      "ssh://git@lab.example.com:2222/group/sub/app.git",
    ],
    gitea: ["http://127.0.0.1:3000/team/app.git"],
  };
  for (const [id, urls] of Object.entries(addresses)) {
    for (const url of urls) assert.equal((await findTarget(context, "local", [url])).repositoryId, id, url);
  }
  // The first remote that is connected.
  const several = ["https://github.com/fork/app.git", "/srv/app.git", "https://git.example.com/team/app"];
  assert.equal((await findTarget(context, "local", several)).repositoryId, "enterprise");
});

test("a repository of the same name at another server, or below another path, is not it", async () => {
  const others = [
    ...["https://github.com.evil.example/team/app.git", "https://127.0.0.1:3001/team/app.git"],
    ...["https://github.com/other/team/app.git", "https://lab.example.com/other/group/sub/app.git"],
    ...["https://github.com/team/app-two.git", "https://evil.example/github.com/team/app"],
  ];
  for (const url of others) {
    const isRefused = (error: unknown) => isErrorCode(error, "publish", "not_connected");
    await assert.rejects(findTarget(context, "local", [url]), isRefused, url);
  }
  for (const remotes of [[], ["/srv/app.git"], ["../app"], ["file:///srv/app.git"]]) {
    const isRefused = (error: unknown) => isErrorCode(error, "publish", "no_remote");
    await assert.rejects(findTarget(context, "local", remotes), isRefused, remotes.join());
  }
});

/**
 * Emulator of Gitea on loopback: access tokens, the API v1 of repositories, pull requests, reviews and statuses, signed
 * webhooks, and real git over smart HTTP. Tests set its faults and its rate limit.
 */
import type { HostedChange, HostedRepository } from "../forge-server/repository.ts";
import { type ApiAnswer, pageOf } from "../forge-server/server.ts";
import { ApiRefusal, type TokenCall, TokenForge } from "../forge-server/token-forge.ts";
import { answerForRepository, pageSize } from "./repository-routes.ts";
import { repositoryShape, userShape } from "./shapes.ts";
import { changeDelivery } from "./webhooks.ts";

export type { HostedRepository } from "../forge-server/repository.ts";
export { TokenForge } from "../forge-server/token-forge.ts";

/** Starts the emulator. `addToken` gives it a person's token. */
export function startGitea(): Promise<TokenForge> {
  return TokenForge.start({
    apiPath: "/api/v1",
    answer,
    refusalBody: ({ message }) => ({ message, url: "https://docs.gitea.com/api" }),
    delivery: (server: string, repository: HostedRepository, change: HostedChange, secret: string) =>
      changeDelivery(server, repository, change, secret),
    protectedWords: "Gitea: Not allowed to push to protected branch %s",
  });
}

async function answer(call: TokenCall): Promise<ApiAnswer> {
  const { path, request, server, grant, repositories } = call;
  if (path === "user") return { status: 200, body: userShape(grant.user) };
  if (path === "user/repos") {
    const { items, headers } = pageOf(request.url, [...repositories.values()], pageSize(request.url));
    return { status: 200, body: items.map((each) => repositoryShape(server, each)), headers };
  }
  const [, fullName = "", below = ""] = /^repos\/([^/]+\/[^/]+)\/?(.*)$/.exec(path) ?? [];
  const repository = repositories.get(fullName.toLowerCase());
  if (repository === undefined) throw new ApiRefusal(404, "The target couldn't be found.");
  return await answerForRepository({ server, repository, request, grant, path: below });
}

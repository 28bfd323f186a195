/**
 * Emulator of GitLab on loopback: tokens of people and projects, the API v4 of projects and merge requests, statuses,
 * webhooks with a token or a signature, and real git over smart HTTP. Tests set its faults and its rate limit.
 */
import { type ApiAnswer, pageOf } from "../forge-server/server.ts";
import { ApiRefusal, type TokenCall, TokenForge } from "../forge-server/token-forge.ts";
import { answerForProject, pageSize } from "./project-routes.ts";
import { projectShape, userShape } from "./shapes.ts";
import { changeDelivery } from "./webhooks.ts";

export type { HostedRepository } from "../forge-server/repository.ts";
export { TokenForge } from "../forge-server/token-forge.ts";

/** Starts the emulator. `addToken` gives it a token of a person, or of a project as `project_1_bot_x`. */
export function startGitLab(): Promise<TokenForge> {
  return TokenForge.start({
    apiPath: "/api/v4",
    answer,
    refusalBody: ({ message }) => ({ message }),
    delivery: changeDelivery,
    protectedWords: "GitLab: You are not allowed to push code to protected branches on this project.",
  });
}

async function answer(call: TokenCall): Promise<ApiAnswer> {
  const { path, request, server, grant, repositories, forge } = call;
  if (path === "user") return { status: 200, body: userShape(grant.user) };
  if (path === "users") {
    const username = request.url.searchParams.get("username") ?? "";
    return { status: 200, body: [userShape(forge.user(username))] };
  }
  if (path === "personal_access_tokens/self") {
    const day = Number.isFinite(grant.expiresAt)
      ? new Date(grant.expiresAt).toISOString().slice(0, 10)
      : null;
    return { status: 200, body: { id: 1, scopes: ["api"], user_id: grant.user.id, expires_at: day } };
  }
  if (path === "projects") {
    const { items, headers } = pageOf(request.url, [...repositories.values()], pageSize(request.url));
    return { status: 200, body: items.map((each) => projectShape(server, each)), headers };
  }
  const [, project = "", below = ""] = /^projects\/([^/]+)\/?(.*)$/.exec(path) ?? [];
  const name = decodeURIComponent(project).toLowerCase();
  const repository = /^\d+$/.test(name)
    ? [...repositories.values()].find(({ id }) => id === Number(name))
    : repositories.get(name);
  if (repository === undefined) throw new ApiRefusal(404, "404 Project Not Found");
  return await answerForProject({ forge, server, repository, request, grant, path: below });
}

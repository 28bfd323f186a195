import type { Connection } from "../connection.ts";
import type { LoggedRequest } from "./request-log.ts";

/**
 * A request as a command for a shell. The token, and the headers that go with every request, are variables of the shell:
 * `x-team` is `$X_TEAM`. A body that was not kept is `@FILE`.
 */
export function curlCommand(request: LoggedRequest, connection: Connection): string {
  const { method, path, headers, body } = request;
  const isStream = headers["accept"] === "text/event-stream";
  const parts = [
    `curl${isStream ? " -N" : ""}${method === "GET" ? "" : ` -X ${method}`} ${quote(`${connection.baseUrl}${path}`)}`,
    ...authorization(connection),
    ...Object.keys(connection.headers).map((name) => `-H "${name}: $${variableOf(name)}"`),
    ...Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...dataOf(body),
  ];
  return parts.join(" \\\n  ");
}

function authorization({ token, taskPath }: Connection): readonly string[] {
  // Below a task the page has a cookie of the Studio, which takes a personal token instead.
  const variable = taskPath === undefined ? "HOLDFAST_SANDBOX_TOKEN" : "HOLDFAST_TOKEN";
  return token === undefined && taskPath === undefined ? [] : [`-H "authorization: Bearer $${variable}"`];
}

function dataOf(body: LoggedRequest["body"]): readonly string[] {
  switch (body.kind) {
    case "none":
      return [];
    case "text":
      return [`--data-raw ${quote(body.text)}`];
    case "file":
      return ["--data-binary @FILE"];
  }
}

function variableOf(header: string): string {
  const name = header.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  return /^\d/.test(name) ? `_${name}` : name;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

import { HoldfastError } from "@holdfast/core";
import { loadApiDescription } from "../api/description.ts";
import { readBody } from "../http/read-body.ts";
import type { RouteCall } from "../http/routes.ts";
import { studioLimits } from "../limits.ts";
import { HttpCaller } from "./caller.ts";
import { answerOverHttp } from "./server.ts";
import { toolsOf } from "./tools.ts";

/**
 * Answers a message of MCP over streamable HTTP. There is no session: each request has the credentials of its sender, and
 * each tool call is a request to this server with the same ones, so that the same rules decide and the same log has it.
 */
export async function answerMcp(
  { request, response, person }: RouteCall,
  ownUrl: () => string,
): Promise<void> {
  const body = parse(await readBody(request, studioLimits.maxMcpMessageBytes));
  const { authorization, cookie } = request.headers;
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    ...(cookie === undefined ? {} : { cookie }),
  };
  const caller = new HttpCaller(ownUrl(), headers);
  // A person in a browser session is asked by the rules alone, but answers stay with those who opened a page.
  const tools = toolsOf(await loadApiDescription(), person?.tokenScope ?? "write");
  await answerOverHttp({ tools, caller: async () => caller }, request, response, body);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 400 });
  }
}

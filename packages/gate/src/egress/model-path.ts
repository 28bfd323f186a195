import type { EgressUpstream } from "./egress.ts";

/**
 * The path by which the clients in a jail reach the model of an upstream. OpenAI's expect the version in their base
 * URL, unless that of the upstream has it already.
 */
export function modelPath({ name, allow }: EgressUpstream, client: "openai" | "other"): string {
  const needsVersion = client === "openai" && allow.some(({ pathPrefix }) => /^\/v1(\/|$)/.test(pathPrefix));
  return `/${name}${needsVersion ? "/v1" : ""}`;
}
